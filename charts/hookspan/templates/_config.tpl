{{/* Where a secret of a source or endpoint, or that of the mail server, is mounted. */}}
{{- define "hookspan.secretPath" -}}
{{- printf "/run/hookspan/secrets/%s/%s" .name .key -}}
{{- end -}}

{{/* A source or endpoint in the words of the configuration file: references become paths. */}}
{{- define "hookspan.item" -}}
{{- $item := omit . "secretsFrom" "encryptSecretFrom" -}}
{{- with .secretsFrom -}}
{{- $paths := list -}}
{{- range (kindIs "slice" . | ternary . (list .)) -}}
{{- $paths = append $paths (printf "file:%s" (include "hookspan.secretPath" .)) -}}
{{- end -}}
{{- $_ := set $item "secrets" $paths -}}
{{- end -}}
{{- with .encryptSecretFrom -}}
{{- $_ := set $item "encrypt_secret_file" (include "hookspan.secretPath" .) -}}
{{- end -}}
{{- toYaml $item -}}
{{- end -}}

{{/* Every reference to a Secret in sources, endpoints and mail, as JSON: name → list of keys. */}}
{{- define "hookspan.references" -}}
{{- $all := dict -}}
{{- range $items := list (include "hookspan.testSource" . | fromJson) .Values.sources .Values.endpoints (dict "mail" (dict "secretsFrom" .Values.mail.passwordFrom)) -}}
{{- range $item := $items -}}
{{- range $from := list $item.secretsFrom $item.encryptSecretFrom -}}
{{- if $from -}}
{{- range (kindIs "slice" $from | ternary $from (list $from)) -}}
{{- $_ := set $all .name (append (get $all .name | default list) .key | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* Four fifths of the smallest volume, each as it is by now or else as it is asked for. */}}
{{- define "hookspan.maxStore" -}}
{{- $least := 0 -}}
{{- range $member := until (include "hookspan.replicas" . | int) -}}
{{- $bytes := include "hookspan.bytes" $.Values.persistence.size | int64 -}}
{{- $claim := $.Values.persistence.existingClaim | default (printf "data-%s-%d" (include "hookspan.fullname" $) $member) -}}
{{- $found := lookup "v1" "PersistentVolumeClaim" $.Release.Namespace $claim -}}
{{- if and $found $.Values.persistence.enabled -}}
{{- with dig "status" "capacity" "storage" "" $found -}}
{{- $bytes = include "hookspan.bytes" . | int64 -}}
{{- end -}}
{{- end -}}
{{- $least = ternary $bytes (min $least $bytes) (eq $member 0) -}}
{{- end -}}
{{- div (mul $least 4) 5 -}}
{{- end -}}

{{/* Where the ConfigMap has a schema: its keys have no @, and no word of a type is empty. */}}
{{- define "hookspan.schemaKey" -}}
schema.{{ . | replace "@" ".." }}
{{- end -}}

{{/* What a process reads once, when it starts: settings, what providers sign as, and what it opens the bus for. */}}
{{- define "hookspan.readOnce" -}}
{{- $opened := dict -}}
{{- range $name, $source := .Values.sources -}}
{{- with pick $source "topic" "max_body" }}{{ $_ := set $opened $name . }}{{ end -}}
{{- end -}}
{{- list (include "hookspan.processConfig" .) .Values.providers $opened | toJson -}}
{{- end -}}

{{/* The settings among it. */}}
{{- define "hookspan.processConfig" -}}
{{- $v := .Values -}}
{{- $name := include "hookspan.fullname" . -}}
{{- $c := dict
  "namespace" $name
  "log_format" "json"
  "stop_grace" (include "hookspan.stopGrace" .)
  "seal_key_file" "/run/hookspan/auth/seal-key" -}}
{{- if eq (include "hookspan.embedded" .) "true" -}}
{{- $_ := set $c "data_dir" "/data/hookspan" -}}
{{- $_ := set $c "embedded_max_store" (include "hookspan.maxStore" . | int64) -}}
{{- if $v.natsService.enabled -}}
{{- $_ := set $c "embedded_listen" ":4222" -}}
{{- $_ := set $c "embedded_password_file" "/run/hookspan/nats/password" -}}
{{- end -}}
{{- else -}}
{{- $_ := set $c "bus" $v.bus.url -}}
{{- end -}}
{{- if eq $v.bus.kind "embedded-cluster" -}}
{{- $_ := set $c "embedded_cluster" $name -}}
{{- $_ := set $c "embedded_peers" (printf "dns:%s-headless.%s.svc.%s" $name .Release.Namespace $v.clusterDomain) -}}
{{- $_ := set $c "embedded_cluster_size" (include "hookspan.replicas" . | int) -}}
{{- end -}}
{{- range $setting, $key := $v.bus.files -}}
{{- $_ := set $c $setting (printf "/run/hookspan/bus/%s" $key) -}}
{{- end -}}
{{- $hosts := $v.config.egress_hosts | default list -}}
{{- if not (kindIs "slice" $hosts) }}{{ $hosts = splitList "," (toString $hosts | replace " " "") }}{{ end -}}
{{- if $v.test.enabled }}{{ $hosts = append $hosts (include "hookspan.testHost" .) }}{{ end -}}
{{- if $hosts }}{{ $_ := set $c "egress_hosts" (uniq $hosts) }}{{ end -}}
{{- with $v.mail.passwordFrom }}{{ $_ := set $c "smtp_password_file" (include "hookspan.secretPath" .) }}{{ end -}}
{{- if $v.providers }}{{ $_ := set $c "providers_dir" "/etc/hookspan/providers" }}{{ end -}}
{{- if $v.schemas }}{{ $_ := set $c "schemas_dir" "/etc/hookspan/schemas" }}{{ end -}}
{{- if $v.tls.existingSecret -}}
{{- $_ := set $c "tls_cert" "/run/hookspan/tls/tls.crt" -}}
{{- $_ := set $c "tls_key_file" "/run/hookspan/tls/tls.key" -}}
{{- end -}}
{{- mergeOverwrite $c (omit (deepCopy $v.config) "egress_hosts") (dict "listen" ":8080" "admin_listen" ":8081") | toYaml -}}
{{- end -}}

{{/* The whole file. */}}
{{- define "hookspan.config" -}}
{{- include "hookspan.processConfig" . }}
{{- range $kind, $items := dict "endpoints" .Values.endpoints "sources" (merge (include "hookspan.testSource" . | fromJson) .Values.sources) }}
{{- if $items }}
{{ $kind }}:
{{- range $name, $item := $items }}
  {{ $name }}:
    {{- include "hookspan.item" $item | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

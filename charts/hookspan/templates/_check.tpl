{{/* What the schema cannot say. Each sentence says what to do. */}}
{{- define "hookspan.check" -}}
{{- $v := .Values -}}
{{- $own := eq (include "hookspan.embedded" .) "true" -}}
{{- if $own -}}
{{- if $v.bus.url -}}
{{- fail (printf "bus.url: not with bus.kind %s, whose bus is in the pods; choose nats or kafka, or leave it out" $v.bus.kind) -}}
{{- end -}}
{{- else if not $v.bus.url -}}
{{- fail (printf "bus.url: missing; with bus.kind %s give its servers, such as %s" $v.bus.kind (ternary "nats://nats:4222" "kafka://kafka:9092" (eq $v.bus.kind "nats"))) -}}
{{- else -}}
{{- $schemes := ternary "^(nats|tls)://" "^kafka(\\+tls)?://" (eq $v.bus.kind "nats") -}}
{{- if not (regexMatch $schemes $v.bus.url) -}}
{{- fail (printf "bus.url: %s is not of bus.kind %s: nats://, tls:// or kafka://, kafka+tls://" (regexFind "^[a-z+]+://" $v.bus.url) $v.bus.kind) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z+]+://[^,/]+:[0-9]+(,([a-z+]+://)?[^,/]+:[0-9]+)*/?$" ($v.bus.url | replace " " "")) -}}
{{- fail (printf "bus.url: give every server with its port, such as %s" (ternary "nats://n1:4222,n2:4222" "kafka://b1:9092,b2:9092" (eq $v.bus.kind "nats"))) -}}
{{- end -}}
{{- if contains "@" $v.bus.url -}}
{{- fail "bus.url: no user and password here, where everybody reads them; put them into bus.existingSecret and name them in bus.files" -}}
{{- end -}}
{{- end -}}
{{- with include "hookspan.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- fail (printf "fullnameOverride: objects would be called %s; Kubernetes takes small letters, digits and -, a letter first" .) -}}
{{- end -}}
{{- end -}}
{{- $n := include "hookspan.replicas" . | int -}}
{{- if and (eq $v.bus.kind "embedded") (ne $n 1) -}}
{{- fail (printf "replicas: %d pods cannot share one embedded bus; choose bus.kind embedded-cluster, nats or kafka" $n) -}}
{{- end -}}
{{- if and (eq $v.bus.kind "embedded-cluster") (or (lt $n 3) (eq (mod $n 2) 0)) -}}
{{- fail (printf "replicas: %d; an embedded cluster has 3 or 5 members, most of which have to be there" $n) -}}
{{- end -}}
{{- if and $own $v.roles.split -}}
{{- fail (printf "roles.split: not with bus.kind %s, whose pods have the bus; choose nats or kafka" $v.bus.kind) -}}
{{- end -}}
{{- if and $own (or $v.autoscaling.hpa.enabled $v.autoscaling.keda.enabled) -}}
{{- fail (printf "autoscaling: not with bus.kind %s, whose pods hold the events; choose nats or kafka" $v.bus.kind) -}}
{{- end -}}
{{- if and $v.restoring (not $own) -}}
{{- fail (printf "restoring: not with bus.kind %s; run hookspan restore with its settings before the release is installed" $v.bus.kind) -}}
{{- end -}}
{{- if and $v.restoring (not $v.persistence.enabled) -}}
{{- fail "restoring: needs persistence.enabled; what was restored would be gone with the pods that wait for it" -}}
{{- end -}}
{{- range $kind := list "hpa" "keda" -}}
{{- $s := get $v.autoscaling $kind -}}
{{- if and $s.enabled (lt (int $s.maxReplicas) (int $s.minReplicas)) -}}
{{- fail (printf "autoscaling.%s.maxReplicas: %d is less than minReplicas, %d" $kind (int $s.maxReplicas) (int $s.minReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $v.autoscaling.hpa.enabled $v.autoscaling.keda.enabled (not $v.roles.split) -}}
{{- fail "autoscaling: hpa and keda would fight over the same pods; choose one, or set roles.split" -}}
{{- end -}}
{{- range $w := include "hookspan.workloads" . | fromJsonArray -}}
{{- if and (eq (include "hookspan.scaledBy" (dict "root" $ "role" $w.role)) "hpa") (not (dig "requests" "cpu" (dig "limits" "cpu" "" $w.resources) $w.resources)) -}}
{{- fail (printf "autoscaling.hpa: a share of the CPU that is asked for, and none is; set %sresources.requests.cpu" (ternary "" (printf "roles.%s." $w.role) (empty $w.role))) -}}
{{- end -}}
{{- end -}}
{{- if and $v.autoscaling.keda.enabled (not $v.autoscaling.keda.prometheus) -}}
{{- fail "autoscaling.keda.prometheus: missing; give Prometheus' address, such as http://prometheus.monitoring:9090" -}}
{{- end -}}
{{- if and (not $v.auth.existingSecret) (not $v.auth.generate) -}}
{{- fail "auth: no admin token and no seal key; set auth.existingSecret (keys admin-token, seal-key) or auth.generate" -}}
{{- end -}}
{{- if and $v.persistence.existingClaim (ne $v.bus.kind "embedded") -}}
{{- fail (printf "persistence.existingClaim: not with bus.kind %s; one claim is for the one pod of embedded" $v.bus.kind) -}}
{{- end -}}
{{- if and $v.bus.files (not $v.bus.existingSecret) -}}
{{- fail "bus.existingSecret: missing; bus.files are keys of that Secret" -}}
{{- end -}}
{{- if $v.natsService.enabled -}}
{{- if not $own -}}
{{- fail (printf "natsService: not with bus.kind %s; clients go to that bus themselves" $v.bus.kind) -}}
{{- end -}}
{{- if not $v.natsService.existingSecret -}}
{{- fail "natsService.existingSecret: missing; NATS clients beyond the pod need a user and a password" -}}
{{- end -}}
{{- end -}}
{{- if and $v.gateway.enabled (not $v.gateway.parentRefs) -}}
{{- fail "gateway.parentRefs: missing; name the Gateway that takes webhooks in" -}}
{{- end -}}
{{- if and $v.gateway.backendCA (not (and $v.gateway.enabled $v.tls.existingSecret)) -}}
{{- fail "gateway.backendCA: is of the certificate that pods show a gateway; set gateway.enabled and tls.existingSecret, or leave it out" -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled $v.metrics.podMonitor.enabled -}}
{{- fail "metrics: serviceMonitor and podMonitor would count everything twice; choose one" -}}
{{- end -}}
{{- if and $v.test.enabled (hasKey $v.sources "helm-test") -}}
{{- fail "sources.helm-test: this is the source of helm test; choose another name, or set test.enabled to false" -}}
{{- end -}}
{{- include "hookspan.checkSecrets" . -}}
{{- include "hookspan.checkTraces" . -}}
{{- include "hookspan.checkChange" . -}}
{{- end -}}

{{/* What is a secret and has no reference of its own goes into a variable, which goes before the file. */}}
{{- define "hookspan.checkSecrets" -}}
{{- $ownSecrets := dict -}}
{{- range $file, $text := .Values.providers -}}
{{- $names := list -}}
{{- range $option := fromYaml $text | dig "options" (list) -}}
{{- if and (kindIs "map" $option) $option.secret }}{{ $names = append $names $option.name }}{{ end -}}
{{- end -}}
{{- $_ := set $ownSecrets (regexReplaceAll "\\.[a-z]+$" $file "") $names -}}
{{- end -}}
{{- range $kind, $items := dict "sources" .Values.sources "endpoints" .Values.endpoints -}}
{{- range $name, $item := $items -}}
{{- $provider := $item.provider | default ($item.signature | default "" | toString | trimPrefix "provider:") -}}
{{- $secretOptions := get $ownSecrets $provider | default list | concat (list "client_app_key" "verification_token" "verify_token") -}}
{{- range $option := include "hookspan.namesIn" (list $item.options "=") | fromJsonArray -}}
{{- if has $option $secretOptions -}}
{{- fail (printf "%s.%s.options: %s is a secret, and everybody reads a ConfigMap; give the options by extraEnv, as %s from a Secret" $kind $name $option (include "hookspan.variable" (list ($kind | upper | trimSuffix "S") $name "OPTIONS"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if regexMatch `^[A-Za-z0-9]+://[^/?#]*@` (toString (.Values.config.egress_proxy | default "")) -}}
{{- fail "config.egress_proxy: no user and password here, where everybody reads them; give the URL by extraEnv, as HOOKSPAN_EGRESS_PROXY from a Secret, or mount it and give config.egress_proxy_file" -}}
{{- end -}}
{{- if regexMatch `^[A-Za-z]+://[^/?#@]*:[^/?#]*@` (toString (.Values.config.smtp_url | default "")) -}}
{{- fail "config.smtp_url: no password here, where everybody reads it; name the user alone and give mail.passwordFrom, a Secret's name and key" -}}
{{- end -}}
{{- if and .Values.mail.passwordFrom (not .Values.config.smtp_url) -}}
{{- fail "config.smtp_url: missing; mail.passwordFrom is the password of its user, such as smtp://user@mail.example:587" -}}
{{- end -}}
{{- range $name, $endpoint := .Values.endpoints -}}
{{- if regexMatch `^[A-Za-z0-9]+://[^/?#]*@` (toString ($endpoint.proxy | default "")) -}}
{{- fail (printf "endpoints.%s.proxy: no user and password here, where everybody reads them; give the proxy by extraEnv, as %s from a Secret" $name (include "hookspan.variable" (list "ENDPOINT" $name "PROXY"))) -}}
{{- end -}}
{{- if regexMatch `^[A-Za-z]+://[^/?#]*@` $endpoint.url -}}
{{- fail (printf "endpoints.%s.url: no user and password here, where everybody reads them; give an Authorization header by extraEnv, as %s from a Secret" $name (include "hookspan.variable" (list "ENDPOINT" $name "HEADERS"))) -}}
{{- end -}}
{{- range $member := include "hookspan.secretsIn" $endpoint | fromJsonArray -}}
{{- $setting := splitList "." $member | first -}}
{{- fail (printf "endpoints.%s.%s: this is a secret, and everybody reads a ConfigMap; give %s by extraEnv, as %s from a Secret with the same as JSON, or env:NAME or file:PATH here" $name $member $setting (include "hookspan.variable" (list "ENDPOINT" $name (upper $setting)))) -}}
{{- end -}}
{{- range $header := include "hookspan.namesIn" (list $endpoint.headers ":") | fromJsonArray -}}
{{- if regexMatch `(?i)^([a-z0-9-]*authorization|x-auth|cookie|[a-z0-9-]*(token|secret|password|(api|access|auth|private|functions|subscription)-?key))$` $header -}}
{{- fail (printf "endpoints.%s.headers: %s is a secret, and everybody reads a ConfigMap; give the headers by extraEnv, as %s from a Secret" $name $header (include "hookspan.variable" (list "ENDPOINT" $name "HEADERS"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The members of an endpoint's auth and tls that are secrets and stand there themselves, as JSON. */}}
{{- define "hookspan.secretsIn" -}}
{{- $found := list -}}
{{- range $member := list "auth" "tls" -}}
{{- if kindIs "slice" (get $ $member) }}{{ fail (printf "endpoints: %s is one map, not a list" $member) }}{{ end -}}
{{- end -}}
{{- range $path := list "auth.bearer" "auth.basic.password" "auth.oauth2.client_secret" "tls.key" -}}
{{- $value := $ -}}
{{- range $word := splitList "." $path -}}
{{- $value = kindIs "map" $value | ternary $value (dict) | dig $word "" -}}
{{- end -}}
{{- $refers := regexMatch "^(env|file):" (toString $value) -}}
{{- if and (eq $path "tls.key") (not (contains "-----" (toString $value))) }}{{ $refers = true }}{{ end -}}
{{- if and $value (not $refers) }}{{ $found = append $found $path }}{{ end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The names among pairs, as JSON: a list of a map, a list or a text, and what stands behind a name. */}}
{{- define "hookspan.namesIn" -}}
{{- $pairs := index . 0 | default "" -}}
{{- $names := list -}}
{{- if kindIs "map" $pairs -}}
{{- $names = keys $pairs -}}
{{- else -}}
{{- range (kindIs "slice" $pairs | ternary $pairs (regexSplit "[,\n]" (toString $pairs) -1)) -}}
{{- $names = append $names (splitList (index $ 1) (toString .) | first | trim) -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* The variable of a setting: a list of kind, name and setting. */}}
{{- define "hookspan.variable" -}}
HOOKSPAN_{{ index . 0 }}_{{ index . 1 | upper | replace "-" "_" }}_{{ index . 2 }}
{{- end -}}

{{/* The mail server's port; empty without one. */}}
{{- define "hookspan.mailPort" -}}
{{- with .Values.config.smtp_url -}}
{{- regexFind ":[0-9]+/?$" . | trimPrefix ":" | trimSuffix "/" | default (ternary "465" "587" (hasPrefix "smtps:" .)) -}}
{{- end -}}
{{- end -}}

{{/* The ports in bus.url, as JSON. */}}
{{- define "hookspan.busPorts" -}}
{{- $ports := list -}}
{{- range $server := splitList "," (regexReplaceAll "^[a-z+]+://" .Values.bus.url "") -}}
{{- $port := regexFind ":[0-9]+/?$" (trim $server) | trimPrefix ":" | trimSuffix "/" -}}
{{- if trim $server -}}
{{- $ports = append $ports (int $port) -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

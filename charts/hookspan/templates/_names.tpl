{{- define "hookspan.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* With -dispatcher and -hash- of its pods these are 58 characters, what Kubernetes leaves of a name before it adds five. */}}
{{- define "hookspan.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 35 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "hookspan.name" . -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- if contains $name $release -}}
{{- $release | trunc 35 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" $release $name | trunc 35 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "hookspan.selector" -}}
app.kubernetes.io/name: {{ include "hookspan.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hookspan.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_"))
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/part-of" "hookspan"
  "app.kubernetes.io/managed-by" .Release.Service -}}
{{- mergeOverwrite (deepCopy .Values.commonLabels) $own (include "hookspan.selector" . | fromYaml) | toYaml -}}
{{- end -}}

{{/* The metadata of an object: name (a suffix), and perhaps labels and annotations of its own. */}}
{{- define "hookspan.metadata" -}}
{{- $root := .root -}}
name: {{ include "hookspan.fullname" $root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- mergeOverwrite (.labels | default dict | deepCopy) (include "hookspan.labels" $root | fromYaml) | toYaml | nindent 2 }}
{{- with mergeOverwrite (deepCopy $root.Values.commonAnnotations) (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "hookspan.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "hookspan.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "hookspan.image" -}}
{{- $i := .Values.image -}}
{{- with $i.registry }}{{ . }}/{{ end }}{{ $i.repository }}
{{- if $i.digest }}@{{ $i.digest }}{{ else }}:{{ $i.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "hookspan.authSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "hookspan.fullname" .)) -}}
{{- end -}}

{{/* "true" where the bus is in the pods themselves. */}}
{{- define "hookspan.embedded" -}}
{{- if hasPrefix "embedded" .Values.bus.kind }}true{{ end -}}
{{- end -}}

{{- define "hookspan.replicas" -}}
{{- if kindIs "invalid" .Values.replicas -}}
{{- get (dict "embedded" 1 "embedded-cluster" 3 "nats" 2 "kafka" 2) .Values.bus.kind -}}
{{- else -}}
{{- .Values.replicas -}}
{{- end -}}
{{- end -}}

{{/* The workloads, as JSON: a role ("" for all roles together), its pods and its resources. */}}
{{- define "hookspan.workloads" -}}
{{- $all := list -}}
{{- if .Values.roles.split -}}
{{- range $role := list "receiver" "dispatcher" "admin" -}}
{{- $r := get $.Values.roles $role -}}
{{- $all = append $all (dict "role" $role "replicas" (int $r.replicas) "resources" ($r.resources | default $.Values.resources)) -}}
{{- end -}}
{{- else -}}
{{- $all = list (dict "role" "" "replicas" (include "hookspan.replicas" . | int) "resources" .Values.resources) -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* "hpa" or "keda" where that decides how many pods a role has; with both, receivers are left to hpa. */}}
{{- define "hookspan.scaledBy" -}}
{{- $a := .root.Values.autoscaling -}}
{{- if ne .role "admin" -}}
{{- if and $a.hpa.enabled (or (eq .role "receiver") (not $a.keda.enabled)) }}hpa{{ else if $a.keda.enabled }}keda{{ end -}}
{{- end -}}
{{- end -}}

{{/* Bytes of a quantity such as 10Gi or 500M. */}}
{{- define "hookspan.bytes" -}}
{{- $q := toString . -}}
{{- $n := regexFind "^[0-9.]+" $q | float64 -}}
{{- $unit := regexReplaceAll "^[0-9.]+" $q "" -}}
{{- $units := dict "" 1 "k" 1000 "K" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if not (hasKey $units $unit) }}{{ fail (printf "%s is no quantity that the chart can read: use Mi, Gi or Ti" $q) }}{{ end -}}
{{- mulf $n (get $units $unit) | int64 -}}
{{- end -}}

{{/* What tells this release's series from those of another whose name begins alike: matchers of its pods. */}}
{{- define "hookspan.series" -}}
{{- $pod := "[a-z0-9]+-[a-z0-9]{5}" -}}
{{- if eq (include "hookspan.embedded" .) "true" -}}
{{- $pod = "[0-9]+" -}}
{{- else if .Values.roles.split -}}
{{- $pod = printf "(receiver|dispatcher|admin)-%s" $pod -}}
{{- end -}}
{{- printf `namespace="%s",pod=~"%s-%s"` .Release.Namespace (include "hookspan.fullname" .) $pod -}}
{{- end -}}

{{- define "hookspan.families" -}}
ipFamilyPolicy: {{ .ipFamilyPolicy }}
{{- with .ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "hookspan.scrape" -}}
- port: admin
  path: /metrics
  interval: {{ .interval }}
  relabelings:
    # The operator names the port so, and would hide which of Hookspan's endpoints a series is of.
    - {action: labeldrop, regex: endpoint}
  {{- if .root.Values.adminTLS.existingSecret }}
  scheme: https
  tlsConfig:
    ca:
      secret: {name: {{ .root.Values.adminTLS.existingSecret }}, key: ca.crt, optional: true}
    serverName: {{ include "hookspan.adminHost" .root }}
  {{- end }}
{{- end -}}

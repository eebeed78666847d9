{{/* helm test: a pod that sends a webhook to a source of its own and takes the delivery. */}}

{{/* The labels that tell the pod from those of Hookspan, whose Services it must not be behind. */}}
{{- define "hookspan.testSelector" -}}
app.kubernetes.io/name: {{ include "hookspan.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hookspan.testSecret" -}}
{{- .Values.test.existingSecret | default (printf "%s-test" (include "hookspan.fullname" .)) -}}
{{- end -}}

{{/* The host of its endpoint: egress is opened to this name, and to no range of addresses. */}}
{{- define "hookspan.testHost" -}}
{{- printf "%s-test.%s.svc.%s" (include "hookspan.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{- define "hookspan.testPort" -}}8090{{- end -}}

{{/* The source, by name, as JSON. */}}
{{- define "hookspan.testSource" -}}
{{- $source := dict
  "provider" "standard-webhooks"
  "type_prefix" "hookspan.test"
  "max_body" "16KiB"
  "secretsFrom" (dict "name" (include "hookspan.testSecret" .) "key" "secret") -}}
{{- ternary (dict "helm-test" $source) dict .Values.test.enabled | toJson -}}
{{- end -}}

{{/* URLs of the two Services, as other pods see them. */}}
{{- define "hookspan.intakeHost" -}}
{{- printf "%s.%s.svc.%s" (include "hookspan.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{- define "hookspan.intakeURL" -}}
{{- $s := .Values.service -}}
{{- ternary "https" "http" (not (empty .Values.tls.existingSecret)) }}://{{ include "hookspan.intakeHost" . }}{{ if ne (int $s.port) (ternary 443 80 (not (empty .Values.tls.existingSecret))) }}:{{ $s.port }}{{ end }}
{{- end -}}

{{- define "hookspan.adminHost" -}}
{{- printf "%s-admin.%s.svc.%s" (include "hookspan.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{- define "hookspan.adminURL" -}}
{{- ternary "https" "http" (not (empty .Values.adminTLS.existingSecret)) }}://{{ include "hookspan.adminHost" . }}:{{ .Values.adminService.port }}
{{- end -}}

{{/* The variables of OpenTelemetry: none without a collector. */}}
{{- define "hookspan.traces" -}}
{{- $t := .Values.traces -}}
{{- if $t.endpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ $t.endpoint | quote }}
{{- with $t.headersFrom }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- range $file, $key := $t.files }}
- name: OTEL_EXPORTER_OTLP_{{ upper $file }}
  value: /run/hookspan/traces/{{ $key }}
{{- end }}
{{- with $t.sampler }}
- name: OTEL_TRACES_SAMPLER
  value: {{ . }}
{{- end }}
{{- if not (kindIs "invalid" $t.samplerArg) }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $t.samplerArg | quote }}
{{- end }}
- name: OTEL_SERVICE_NAME
  value: {{ include "hookspan.fullname" . }}
- name: K8S_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- $attributes := list (printf "k8s.namespace.name=%s" .Release.Namespace) "k8s.pod.name=$(K8S_POD_NAME)" -}}
{{- range $key, $text := $t.attributes -}}
{{- $attributes = append $attributes (printf "%s=%s" $key (urlquery $text | replace "+" "%20")) -}}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $attributes | quote }}
{{- end -}}
{{- end -}}

{{/* The collector's port; empty without one. */}}
{{- define "hookspan.tracesPort" -}}
{{- with .Values.traces.endpoint -}}
{{- regexFind "^https?://[^/]*" . | regexFind ":[0-9]+$" | trimPrefix ":" | default (ternary "443" "80" (hasPrefix "https:" .)) -}}
{{- end -}}
{{- end -}}

{{- define "hookspan.checkTraces" -}}
{{- $t := .Values.traces -}}
{{- $set := or $t.headersFrom $t.existingSecret $t.files $t.sampler $t.attributes (not (kindIs "invalid" $t.samplerArg)) -}}
{{- if and $set (not $t.endpoint) -}}
{{- fail "traces.endpoint: missing; give the collector that traces go to, such as http://collector.monitoring:4318" -}}
{{- end -}}
{{- if and $t.files (not $t.existingSecret) -}}
{{- fail "traces.existingSecret: missing; traces.files are keys of that Secret" -}}
{{- end -}}
{{- end -}}

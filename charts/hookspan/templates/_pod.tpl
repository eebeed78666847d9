{{/* The pod of a workload: a dict of root, role, resources. */}}
{{- define "hookspan.pod" -}}
{{- $root := .root -}}
{{- $v := $root.Values -}}
metadata:
  labels:
    {{- $labels := mergeOverwrite (deepCopy $v.podLabels) (include "hookspan.labels" $root | fromYaml) }}
    {{- with .role }}{{ $_ := set $labels "app.kubernetes.io/component" . }}{{ end }}
    {{- toYaml $labels | nindent 4 }}
  annotations:
    {{- /* Sources, endpoints and secrets are read again while the program runs. */}}
    checksum/settings: {{ include "hookspan.readOnce" $root | sha256sum }}
    {{- with mergeOverwrite (deepCopy $v.commonAnnotations) $v.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "hookspan.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "hookspan.grace" $root }}
  {{- if not (kindIs "invalid" $v.hostUsers) }}
  hostUsers: {{ $v.hostUsers }}
  {{- end }}
  securityContext:
    {{- include "hookspan.given" $v.podSecurityContext | nindent 4 }}
  {{- with $v.image.pullSecrets }}
  imagePullSecrets:
    {{- include "hookspan.names" . | nindent 4 }}
  {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $v.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- $v.affinity | default (include "hookspan.affinity" . | fromYaml) | toYaml | nindent 4 }}
  topologySpreadConstraints:
    {{- if $v.topologySpreadConstraints }}
    {{- toYaml $v.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "hookspan.podSelector" . | nindent 10 }}
    {{- end }}
  {{- with $v.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: hookspan
      image: {{ include "hookspan.image" $root }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: {{ ternary "[restore, --join]" "[serve]" $v.restoring }}
      {{- include "hookspan.environment" . | nindent 6 }}
      ports:
        - name: webhooks
          containerPort: 8080
        - name: admin
          containerPort: 8081
        {{- if eq $v.bus.kind "embedded-cluster" }}
        - name: routes
          containerPort: 6222
        {{- end }}
        {{- if $v.natsService.enabled }}
        - name: nats
          containerPort: 4222
        {{- end }}
      {{- if not $v.restoring }}
      {{- include "hookspan.probes" $root | nindent 6 }}
      {{- end }}
      {{- with $v.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ . }}
      {{- end }}
      resources:
        {{- include "hookspan.resources" . | nindent 8 }}
      securityContext:
        {{- include "hookspan.given" $v.securityContext | nindent 8 }}
      volumeMounts:
        {{- include "hookspan.mounts" $root | nindent 8 }}
    {{- with $v.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "hookspan.volumes" $root | nindent 4 }}
{{- end -}}

{{/* Without a volume the store counts as ephemeral storage: the pod would be evicted with all that it has. */}}
{{- define "hookspan.resources" -}}
{{- $v := .root.Values -}}
{{- $resources := deepCopy .resources -}}
{{- with dig "limits" "ephemeral-storage" "" $resources -}}
{{- if and (eq (include "hookspan.embedded" $.root) "true") (not $v.persistence.enabled) -}}
{{- $_ := set $resources.limits "ephemeral-storage" (add (include "hookspan.bytes" .) (include "hookspan.bytes" $v.persistence.size) | toString) -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- define "hookspan.names" -}}
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end -}}

{{/* A map without what is null. */}}
{{- define "hookspan.given" -}}
{{- $given := dict -}}
{{- range $k, $x := . -}}
{{- if not (kindIs "invalid" $x) }}{{ $_ := set $given $k $x }}{{ end -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{- define "hookspan.podSelector" -}}
{{- include "hookspan.selector" .root }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* How long a stop may take: the longest attempt that the values know of, 30 s unless an endpoint says otherwise, and 20 s. */}}
{{- define "hookspan.stopGrace" -}}
{{- $longest := 30 -}}
{{- range .Values.endpoints -}}
{{- with .timeout }}{{ $longest = max $longest (include "hookspan.seconds" .) }}{{ end -}}
{{- end -}}
{{- .Values.config.stop_grace | default (printf "%ds" (add $longest 20)) -}}
{{- end -}}

{{/* The stop's time in seconds, with the preStop before it and five seconds after it. */}}
{{- define "hookspan.grace" -}}
{{- add (include "hookspan.stopGrace" . | include "hookspan.seconds") .Values.preStopSeconds 5 -}}
{{- end -}}

{{/* Whole seconds of a duration such as 1m30s. */}}
{{- define "hookspan.seconds" -}}
{{- $seconds := 0 -}}
{{- range $part := regexFindAll "[0-9.]+(ms|h|m|s)" . -1 -}}
{{- $n := regexFind "^[0-9.]+" $part | float64 -}}
{{- $unit := regexFind "[a-z]+$" $part -}}
{{- $seconds = addf $seconds (mulf $n (get (dict "h" 3600 "m" 60 "s" 1 "ms" 0.001) $unit)) -}}
{{- end -}}
{{- ceil $seconds | int -}}
{{- end -}}

{{/* Members of an embedded cluster never share a node: one lost node is one lost member. */}}
{{- define "hookspan.affinity" -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "hookspan.podSelector" . | fromYaml)) -}}
{{- if eq .root.Values.bus.kind "embedded-cluster" -}}
{{- dict "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) | toYaml -}}
{{- else -}}
{{- dict "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) | toYaml -}}
{{- end -}}
{{- end -}}

{{- define "hookspan.environment" -}}
{{- $v := .root.Values -}}
env:
  - name: HOOKSPAN_CONFIG
    value: /etc/hookspan/hookspan.yaml
  - name: HOOKSPAN_ADMIN_TOKEN_FILE
    value: /run/hookspan/auth/admin-token
  # For commands in the pod: kubectl exec POD -- /hookspan endpoints list
  - name: HOOKSPAN_SERVER
    value: {{ ternary "https" "http" (not (empty $v.adminTLS.existingSecret)) }}://127.0.0.1:8081
  {{- if $v.adminTLS.existingSecret }}
  - name: HOOKSPAN_ADMIN_TLS_CERT
    value: /run/hookspan/admin_tls/tls.crt
  - name: HOOKSPAN_ADMIN_TLS_KEY_FILE
    value: /run/hookspan/admin_tls/tls.key
  {{- end }}
  {{- if $v.restoring }}
  # Where restore keeps what comes on its standard input.
  - name: TMPDIR
    value: /data
  {{- end }}
  {{- with .role }}
  - name: HOOKSPAN_ROLES
    value: {{ . }}
  {{- end }}
  {{- if $v.natsService.enabled }}
  - name: HOOKSPAN_EMBEDDED_USER
    valueFrom:
      secretKeyRef:
        name: {{ $v.natsService.existingSecret }}
        key: user
  {{- end }}
  {{- with dig "limits" "memory" "" .resources }}
  - name: GOMEMLIMIT
    value: {{ div (mul (include "hookspan.bytes" .) 4) 5 | quote }}
  {{- end }}
  {{- if dig "limits" "cpu" "" .resources }}
  - name: GOMAXPROCS
    valueFrom:
      resourceFieldRef:
        containerName: hookspan
        resource: limits.cpu
  {{- end }}
  {{- with include "hookspan.traces" .root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $v.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $v.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* /healthz says that the process answers, whatever the bus does; /readyz that events can be stored. */}}
{{- define "hookspan.probes" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty .Values.adminTLS.existingSecret)) -}}
startupProbe:
  httpGet: {path: /healthz, port: admin, scheme: {{ $scheme }}}
  periodSeconds: 1
  failureThreshold: 120
readinessProbe:
  httpGet: {path: /readyz, port: admin, scheme: {{ $scheme }}}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: admin, scheme: {{ $scheme }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{- define "hookspan.mounts" -}}
{{- $v := .Values -}}
- name: config
  mountPath: /etc/hookspan
  readOnly: true
- name: auth
  mountPath: /run/hookspan/auth
  readOnly: true
- name: data
  mountPath: /data
{{- if include "hookspan.references" . | fromJson }}
- name: secrets
  mountPath: /run/hookspan/secrets
  readOnly: true
{{- end }}
{{- range $name, $secret := include "hookspan.mountedSecrets" . | fromJson }}
- name: {{ $name | replace "_" "-" }}
  mountPath: /run/hookspan/{{ $name }}
  readOnly: true
{{- end }}
{{- with $v.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Secrets that are mounted whole, as JSON: folder → name. */}}
{{- define "hookspan.mountedSecrets" -}}
{{- $v := .Values -}}
{{- $all := dict -}}
{{- range $folder, $secret := dict "bus" $v.bus.existingSecret "tls" $v.tls.existingSecret "admin_tls" $v.adminTLS.existingSecret "nats" (ternary $v.natsService.existingSecret "" $v.natsService.enabled) "traces" $v.traces.existingSecret -}}
{{- if $secret }}{{ $_ := set $all $folder $secret }}{{ end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{- define "hookspan.volumes" -}}
{{- $v := .Values -}}
{{- $name := include "hookspan.fullname" . -}}
- name: config
  projected:
    sources:
      - configMap:
          name: {{ $name }}-config
          items:
            - {key: hookspan.yaml, path: hookspan.yaml}
            {{- range $file, $text := $v.providers }}
            - {key: provider.{{ $file }}, path: providers/{{ $file }}}
            {{- end }}
            {{- range $file, $text := $v.schemas }}
            - {key: {{ include "hookspan.schemaKey" $file }}, path: schemas/{{ $file }}}
            {{- end }}
- name: auth
  secret:
    secretName: {{ include "hookspan.authSecret" . }}
    defaultMode: 0440
    items:
      - {key: admin-token, path: admin-token}
      - {key: seal-key, path: seal-key}
{{- with include "hookspan.references" . | fromJson }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $secret, $keys := . }}
      - secret:
          name: {{ $secret }}
          items:
            {{- range $keys }}
            - {key: {{ . }}, path: {{ $secret }}/{{ . }}}
            {{- end }}
      {{- end }}
{{- end }}
{{- range $folder, $secret := include "hookspan.mountedSecrets" . | fromJson }}
- name: {{ $folder | replace "_" "-" }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
{{- end }}
{{- if ne (include "hookspan.embedded" .) "true" }}
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- else if not $v.persistence.enabled }}
- name: data
  emptyDir: {sizeLimit: {{ $v.persistence.size }}}
{{- else if $v.persistence.existingClaim }}
- name: data
  persistentVolumeClaim:
    claimName: {{ $v.persistence.existingClaim }}
{{- end }}
{{- with $v.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

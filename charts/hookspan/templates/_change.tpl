{{/* What no upgrade can do to a release that is there, told before Kubernetes or the program refuses it. */}}
{{- define "hookspan.checkChange" -}}
{{- $v := .Values -}}
{{- $name := include "hookspan.fullname" . -}}
{{- $ns := .Release.Namespace -}}
{{- $config := lookup "v1" "ConfigMap" $ns (printf "%s-config" $name) | default dict -}}
{{- $was := dig "metadata" "annotations" "hookspan/bus-kind" $v.bus.kind $config -}}
{{- if ne $was $v.bus.kind -}}
{{- fail (printf "bus.kind: this release has its events on %s, and on %s it would not find them; install a second release and let the first deliver what it has (README, Moving to another bus)" $was $v.bus.kind) -}}
{{- end -}}
{{- $had := get (dig "data" "hookspan.yaml" "" $config | fromYaml) "namespace" -}}
{{- $has := get (include "hookspan.processConfig" . | fromYaml) "namespace" -}}
{{- if and $had (ne $had $has) -}}
{{- fail (printf "config.namespace: this release has its topics below %q, and below %q it would not find them; keep the one, or install a second release and let the first deliver what it has (README, Moving to another bus)" $had $has) -}}
{{- end -}}
{{- $set := lookup "apps/v1" "StatefulSet" $ns $name | default dict -}}
{{- if and $set (eq (include "hookspan.embedded" .) "true") -}}
{{- $members := dig "spec" "replicas" 0 $set | int -}}
{{- $n := include "hookspan.replicas" . | int -}}
{{- if and (gt $members 0) (ne $members $n) -}}
{{- fail (printf "replicas: the cluster has %d members, which count on each other; %d is another cluster (README, Moving to another bus)" $members $n) -}}
{{- end -}}
{{- include "hookspan.checkClaims" (dict "root" . "set" $set) -}}
{{- end -}}
{{- end -}}

{{/* Kubernetes does not change the claims of a StatefulSet. */}}
{{- define "hookspan.checkClaims" -}}
{{- $p := .root.Values.persistence -}}
{{- $name := include "hookspan.fullname" .root -}}
{{- $ns := .root.Release.Namespace -}}
{{- $had := dict -}}
{{- range dig "spec" "volumeClaimTemplates" list .set -}}
{{- if eq .metadata.name "data" }}{{ $had = .spec }}{{ end -}}
{{- end -}}
{{- $has := and $p.enabled (not $p.existingClaim) -}}
{{- $again := printf "take the StatefulSet away without its pods (kubectl -n %s delete statefulset %s --cascade=orphan), and upgrade again" $ns $name -}}
{{- if ne (empty $had) (not $has) -}}
{{- fail (printf "persistence: the release %s claims of its own, which an upgrade does not change; what is stored would stay behind (README, Moving to another bus)" (ternary "has no" "has" (empty $had))) -}}
{{- end -}}
{{- if $has -}}
{{- $size := dig "resources" "requests" "storage" "" $had -}}
{{- if ne (include "hookspan.bytes" $size) (include "hookspan.bytes" $p.size) -}}
{{- fail (printf "persistence.size: the claims were made for %s; enlarge each of them (kubectl -n %s patch pvc data-%s-0 -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"%s\"}}}}'), %s" $size $ns $name $p.size $again) -}}
{{- end -}}
{{- if ne (get $had "storageClassName" | default "") $p.storageClass -}}
{{- fail (printf "persistence.storageClass: the claims were made for the class %q, which an upgrade does not change (README, Moving to another bus)" (get $had "storageClassName" | default "")) -}}
{{- end -}}
{{- end -}}
{{- end -}}

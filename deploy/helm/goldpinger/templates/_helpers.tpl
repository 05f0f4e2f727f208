{{/* Names and labels are those of Goldpinger's chart: a workload's selector cannot be changed by an upgrade. */}}
{{- define "goldpinger.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "goldpinger.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $default .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "goldpinger.selectorLabels" -}}
app.kubernetes.io/name: {{ include "goldpinger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "goldpinger.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "goldpinger.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* `npm run image` makes goldpinger-ts:dev; a release makes an image of its version in a registry. */}}
{{- define "goldpinger.image" -}}
{{- $image := .Values.image }}
{{- $image.repository }}:{{ $image.tag | default (ternary "dev" .Chart.AppVersion (eq $image.repository "goldpinger-ts")) }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "goldpinger.serviceAccountName" -}}
{{- $own := ternary (include "goldpinger.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $own .Values.serviceAccount.name }}
{{- end }}

{{/* The value of a variable in extraEnv as JSON, or nothing. */}}
{{- define "goldpinger.given" -}}
{{- $name := .name }}
{{- range .env }}{{- if eq .name $name }}{{ dict "value" (.value | default "") | toJson }}{{- end }}{{- end }}
{{- end }}

{{/* "true" if pods of all namespaces must be readable. */}}
{{- define "goldpinger.isClusterWide" -}}
{{- if kindIs "bool" .Values.rbac.clusterscoped }}{{ .Values.rbac.clusterscoped }}
{{- else }}
{{- $isWide := false }}
{{- range .Values.extraEnv }}
{{- $isField := eq (dig "fieldRef" "fieldPath" "" (.valueFrom | default dict)) "metadata.namespace" }}
{{- $isOwn := or $isField (eq (.value | default "") $.Release.Namespace) }}
{{- if eq .name "NAMESPACE" }}{{ $isWide = not $isOwn }}{{ end }}
{{- end }}
{{- $isWide }}
{{- end }}
{{- end }}

{{/* "true" if peers are called on their host's address: then the pods live in the host's network. */}}
{{- define "goldpinger.isHostNetwork" -}}
{{- $given := include "goldpinger.given" (dict "env" .Values.extraEnv "name" "USE_HOST_IP") | fromJson }}
{{- /* The spellings of Go's strconv.ParseBool, as the server reads them. */}}
{{- has (toString (dig "value" "" $given)) (list "1" "t" "T" "true" "TRUE" "True") }}
{{- end }}

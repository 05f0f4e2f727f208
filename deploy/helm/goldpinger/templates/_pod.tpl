{{/* The variables that the chart sets; what extraEnv sets itself is left to it, because no name may come twice. */}}
{{- define "goldpinger.env" -}}
{{- $fields := dict "HOSTNAME" "spec.nodeName" "POD_IP" "status.podIP" "POD_NAME" "metadata.name" "NAMESPACE" "metadata.namespace" }}
{{- $env := list
  (dict "name" "HOST" "value" "0.0.0.0")
  (dict "name" "PORT" "value" (toString .Values.goldpinger.port))
  (dict "name" "REFRESH_INTERVAL" "value" (toString .Values.goldpinger.refreshInterval))
  (dict "name" "SHUTDOWN_GRACE" "value" (printf "%vs" .Values.goldpinger.shutdownGraceSeconds))
  (dict "name" "LABEL_SELECTOR" "value" (printf "app.kubernetes.io/name=%s" (include "goldpinger.name" .)))
}}
{{- if ne (int .Values.goldpinger.activeNodePercentage) 100 }}
{{- $env = append $env (dict "name" "ACTIVE_NODE_PERCENTAGE" "value" (toString .Values.goldpinger.activeNodePercentage)) }}
{{- end }}
{{- with .Values.goldpinger.activeNodes }}
{{- $env = append $env (dict "name" "ACTIVE_NODES" "value" (join "," .)) }}
{{- end }}
{{- if .Values.goldpinger.udp.enabled }}
{{- $env = append $env (dict "name" "UDP_ENABLED" "value" "true") }}
{{- $env = append $env (dict "name" "UDP_PORT" "value" (toString .Values.goldpinger.udp.port)) }}
{{- end }}
{{- range $name, $path := $fields }}
{{- $env = append $env (dict "name" $name "valueFrom" (dict "fieldRef" (dict "fieldPath" $path))) }}
{{- end }}
{{- with .Values.writeToken.existingSecret }}
{{- $ref := dict "name" . "key" $.Values.writeToken.key "optional" true }}
{{- $env = append $env (dict "name" "WRITE_TOKEN" "valueFrom" (dict "secretKeyRef" $ref)) }}
{{- end }}
{{- with .Values.goldpinger.pathChecks }}
{{- $url := printf "http://%s.%s.svc:%s/ping" (include "goldpinger.fullname" $) $.Release.Namespace (toString $.Values.service.port) }}
{{- $env = append $env (dict "name" "PATH_CHECKS" "value" (join "," .)) }}
{{- $env = append $env (dict "name" "PATH_SERVICE_URL" "value" $url) }}
{{- if has "ingress" . }}
{{- $ingress := required "goldpinger.pathChecks has ingress: set goldpinger.pathIngressUrl" $.Values.goldpinger.pathIngressUrl }}
{{- $env = append $env (dict "name" "PATH_INGRESS_URL" "value" $ingress) }}
{{- end }}
{{- end }}
{{- $given := list }}
{{- range .Values.extraEnv }}
{{- $given = append $given .name }}
{{- /* Both are said elsewhere in the pod too, which would then be killed while it answers, or probed where it does not. */}}
{{- if eq .name "SHUTDOWN_GRACE" }}{{ fail "extraEnv: set goldpinger.shutdownGraceSeconds instead of SHUTDOWN_GRACE" }}{{ end }}
{{- if and (eq .name "PORT") (ne (.value | default "") (toString $.Values.goldpinger.port)) }}
{{- fail "extraEnv: set goldpinger.port instead of PORT" }}
{{- end }}
{{- if has .name (list "UDP_ENABLED" "UDP_PORT") }}
{{- fail (printf "extraEnv: set goldpinger.udp instead of %s: the pod's port and the network policy need it too" .name) }}
{{- end }}
{{- end }}
{{- $all := .Values.extraEnv | default list }}
{{- range reverse $env }}{{- if not (has .name $given) }}{{- $all = prepend $all . }}{{- end }}{{- end }}
{{- toYaml $all }}
{{- end }}

{{/* The pod's template, for either kind of workload. */}}
{{- define "goldpinger.pod" -}}
{{- $isHostNetwork := eq (include "goldpinger.isHostNetwork" .) "true" -}}
{{- $scrape := dict }}
{{- if .Values.scrapeAnnotations }}
{{- $scrape = dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .Values.goldpinger.port) "prometheus.io/path" "/metrics" }}
{{- end }}
metadata:
  {{- with merge (deepCopy (.Values.podAnnotations | default dict)) $scrape }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- merge (include "goldpinger.selectorLabels" . | fromYaml) (.Values.podLabels | default dict) | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ include "goldpinger.serviceAccountName" . }}
  terminationGracePeriodSeconds: {{ add .Values.goldpinger.shutdownGraceSeconds 15 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- if $isHostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: goldpinger-daemon
      image: {{ include "goldpinger.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      env:
        {{- include "goldpinger.env" . | nindent 8 }}
      ports:
        - name: http
          containerPort: {{ .Values.goldpinger.port }}
          {{- if $isHostNetwork }}
          hostPort: {{ .Values.goldpinger.port }}
          {{- end }}
          protocol: TCP
        {{- if .Values.goldpinger.udp.enabled }}
        - name: udp
          containerPort: {{ .Values.goldpinger.udp.port }}
          {{- if $isHostNetwork }}
          hostPort: {{ .Values.goldpinger.udp.port }}
          {{- end }}
          protocol: UDP
        {{- end }}
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.containerSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

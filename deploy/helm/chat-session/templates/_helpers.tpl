{{- define "chat-session.selector" -}}
app.kubernetes.io/name: chat-session
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "chat-session.labels" -}}
{{ include "chat-session.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Is the data on a disk of the gateway's own? Then there is one gateway. */}}
{{- define "chat-session.embedded" -}}
{{- if eq .Values.config.engine.type "embedded" }}yes{{ end }}
{{- end }}

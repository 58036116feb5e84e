{{- define "alcove.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "alcove.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "alcove.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "alcove.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "alcove.selector" -}}
app.kubernetes.io/name: {{ include "alcove.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "alcove.labels" -}}
{{ include "alcove.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "alcove.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "alcove.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The chart's own Secret: whatever no existing Secret was named for. */}}
{{- define "alcove.secret" -}}
{{- printf "%s-generated" (include "alcove.fullname" .) -}}
{{- end -}}

{{- define "alcove.sasl" -}}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol -}}true{{- end -}}
{{- end -}}

{{/* What cannot be said by the schema alone. */}}
{{- define "alcove.check" -}}
{{- if include "alcove.sasl" . -}}
{{- $_ := required "kafka.sasl.username is required when kafka.securityProtocol is SASL_*" .Values.kafka.sasl.username -}}
{{- $_ := required "kafka.sasl.existingSecret is required when kafka.securityProtocol is SASL_*" .Values.kafka.sasl.existingSecret -}}
{{- end -}}
{{- if and .Values.kafka.tlsClientCertificate (not .Values.kafka.tlsSecret) -}}
{{- fail "kafka.tlsClientCertificate needs kafka.tlsSecret with tls.crt and tls.key" -}}
{{- end -}}
{{- if ne (empty .Values.listener.bootstrapPattern) (empty .Values.listener.nodePattern) -}}
{{- fail "listener.bootstrapPattern and listener.nodePattern come together" -}}
{{- end -}}
{{- if and (ne .Values.listener.proxyProtocol.version "off") (empty .Values.listener.proxyProtocol.trusted) -}}
{{- fail "listener.proxyProtocol.trusted is required unless listener.proxyProtocol.version is off" -}}
{{- end -}}
{{- end -}}

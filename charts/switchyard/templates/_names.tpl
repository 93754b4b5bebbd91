{{- define "switchyard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "switchyard.fullname" -}}
{{- $name := include "switchyard.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "switchyard.selector" -}}
app.kubernetes.io/name: {{ include "switchyard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "switchyard.labels" -}}
{{ include "switchyard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "switchyard.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "switchyard.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "switchyard.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "switchyard.watchNamespace" -}}
{{- if .Values.rbac.namespaced -}}
{{- default .Release.Namespace .Values.watchNamespace -}}
{{- else -}}
{{- .Values.watchNamespace -}}
{{- end -}}
{{- end -}}

{{/* What SWITCHYARD_WORKER_OVERLAY holds: the values of `worker` that are set. */}}
{{- define "switchyard.workerOverlay" -}}
{{- $worker := .Values.worker -}}
{{- $overlay := dict -}}
{{- range $key := list "labels" "annotations" "resources" "securityContext" "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "affinity" "dnsPolicy" -}}
{{- with index $worker $key -}}
{{- $_ := set $overlay $key . -}}
{{- end -}}
{{- end -}}
{{- $env := deepCopy $worker.env -}}
{{- range $variable, $key := dict "HTTP_PROXY" "http" "HTTPS_PROXY" "https" "NO_PROXY" "noProxy" -}}
{{- with index $worker.proxy $key -}}
{{- $_ := set $env $variable . -}}
{{- end -}}
{{- end -}}
{{- with $env -}}
{{- $_ := set $overlay "env" . -}}
{{- end -}}
{{- if $worker.caConfigMap.name -}}
{{- $_ := set $overlay "caConfigMap" $worker.caConfigMap -}}
{{- end -}}
{{- $overlay | toJson -}}
{{- end -}}

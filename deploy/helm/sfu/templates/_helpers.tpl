{{- define "sfu.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sfu.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "sfu.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sfu.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sfu.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "sfu.selector" -}}
app.kubernetes.io/name: {{ include "sfu.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sfu.labels" -}}
{{ include "sfu.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* How many nodes there can be. */}}
{{- define "sfu.several" -}}
{{- if or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled (gt (len .Values.nodes) 1) (eq .Values.workload "DaemonSet") }}yes{{ end }}
{{- end }}

{{- /* Whether there is NATS, and so a cluster. */}}
{{- define "sfu.clustered" -}}
{{- if or .Values.nats.url (has "url" .Values.nats.keys) }}yes{{ end }}
{{- end }}

{{- /* What the schema cannot say, because it is about two values. */}}
{{- define "sfu.check" -}}
{{- $drain := add .Values.drain.timeoutSeconds .Values.drain.lbDelaySeconds }}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int (add $drain 10)) }}
{{- fail (printf "terminationGracePeriodSeconds is %d: a node would be killed in the middle of a drain, which takes up to %d s; give it at least 10 s more" (int .Values.terminationGracePeriodSeconds) (int $drain)) }}
{{- end }}
{{- if and (include "sfu.several" .) (not (include "sfu.clustered" .)) }}
{{- fail "more than one node needs nats.url: without NATS each would be a server of its own, and people in the same room would not meet" }}
{{- end }}
{{- if and (eq .Values.network "hostPort") (not .Values.publicIP.hostIP) (not .Values.publicIP.addresses) (not .Values.nodes) }}
{{- fail "with network: hostPort one of publicIP.hostIP, publicIP.addresses and nodes must say where clients reach the machine: inside a pod nobody can know it" }}
{{- end }}
{{- if and .Values.publicIP.addresses (include "sfu.several" .) (not .Values.nodes) (eq .Values.network "hostPort") }}
{{- fail "publicIP.addresses is the same for all pods, so clients would send their media to the wrong one; use publicIP.hostIP or nodes" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (or (eq .Values.workload "DaemonSet") .Values.nodes) }}
{{- fail "autoscaling needs workload: Deployment and no nodes: the others have as many pods as machines" }}
{{- end }}
{{- if and .Values.nodes (eq .Values.workload "DaemonSet") }}
{{- fail "nodes and workload: DaemonSet exclude each other" }}
{{- end }}
{{- if and .Values.nats.url (has "url" .Values.nats.keys) }}
{{- fail "nats.url and the key url of nats.secretName exclude each other" }}
{{- end }}
{{- if and .Values.nats.keys (not .Values.nats.secretName) }}
{{- fail "nats.keys needs nats.secretName" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.host is missing" }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if not (hasPrefix "SFU_" $name) }}
{{- fail (printf "settings.%s does not begin with SFU_; other variables go into extraEnv" $name) }}
{{- end }}
{{- end }}
{{- end }}

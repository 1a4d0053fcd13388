{{- /* The pod. It gets a dictionary: root, and for a machine of .Values.nodes machine. */}}
{{- define "sfu.pod" -}}
{{- $v := .root.Values -}}
{{- $clustered := include "sfu.clustered" .root -}}
{{- $natsFiles := without $v.nats.keys "url" -}}
metadata:
  labels:
    {{- include "sfu.selector" .root | nindent 4 }}
    {{- with .machine }}
    sfu/machine: {{ .name | trunc 63 | trimSuffix "-" | trimSuffix "." | quote }}
    {{- end }}
    {{- with $v.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $v.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  automountServiceAccountToken: false
  # Kubernetes would set SFU_… variables for services called sfu.
  enableServiceLinks: false
  {{- if eq $v.network "hostNetwork" }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: sfu
      image: {{ include "sfu.image" .root | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        - name: SFU_NODE_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: SFU_LISTEN
          value: ":{{ $v.ports.http }}"
        - name: SFU_MEDIA_PORT
          value: "{{ $v.ports.media }}"
        - name: SFU_ADMIN_LISTEN
          value: ":{{ $v.ports.admin }}"
        {{- if .machine }}
        - name: SFU_PUBLIC_IP
          value: {{ .machine.publicIP | quote }}
        {{- else if $v.publicIP.addresses }}
        - name: SFU_PUBLIC_IP
          value: {{ join "," $v.publicIP.addresses | quote }}
        {{- else if $v.publicIP.hostIP }}
        - name: SFU_PUBLIC_IP
          valueFrom: {fieldRef: {fieldPath: status.hostIP}}
        {{- end }}
        {{- with $v.trustedProxies }}
        - name: SFU_TRUSTED_PROXIES
          value: {{ join "," . | quote }}
        {{- end }}
        {{- if $clustered }}
        - name: SFU_NATS_URL
          {{- if $v.nats.url }}
          value: {{ $v.nats.url | quote }}
          {{- else }}
          valueFrom: {secretKeyRef: {name: {{ $v.nats.secretName }}, key: url}}
          {{- end }}
        {{- range $key, $variable := dict "creds" "SFU_NATS_CREDS" "ca.crt" "SFU_NATS_CA" "tls.crt" "SFU_NATS_CERT" "tls.key" "SFU_NATS_KEY" }}
        {{- if has $key $v.nats.keys }}
        - name: {{ $variable }}
          value: /etc/sfu/nats/{{ $key }}
        {{- end }}
        {{- end }}
        - name: SFU_CLUSTER_LISTEN
          value: ":{{ $v.ports.cluster }}"
        - name: SFU_CLUSTER_ADDRESS
          value: "$(POD_IP):{{ $v.ports.cluster }}"
        - name: SFU_CLUSTER_SECRET_FILE
          value: /etc/sfu/cluster/cluster-secret
        {{- end }}
        {{- if $v.auth.secretName }}
        - name: SFU_AUTH_KEYS_FILE
          value: /etc/sfu/auth/auth-keys
        {{- end }}
        - name: SFU_DRAIN_TIMEOUT
          value: {{ $v.drain.timeoutSeconds }}s
        - name: SFU_DRAIN_LB_DELAY
          value: {{ $v.drain.lbDelaySeconds }}s
        # For sfu doctor, which cannot know it otherwise.
        - name: TERMINATION_GRACE_PERIOD_SECONDS
          value: {{ $v.terminationGracePeriodSeconds | quote }}
        - name: SFU_LOG_FORMAT
          value: json
        {{- with $v.goMemoryLimit }}
        - name: GOMEMLIMIT
          value: {{ . }}
        {{- end }}
        {{- range $name, $value := $v.settings }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
        {{- with $v.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: {{ $v.ports.http }}
        - name: media-udp
          containerPort: {{ $v.ports.media }}
          hostPort: {{ $v.ports.media }}
          protocol: UDP
        - name: media-tcp
          containerPort: {{ $v.ports.media }}
          hostPort: {{ $v.ports.media }}
        {{- if $clustered }}
        - name: cluster
          containerPort: {{ $v.ports.cluster }}
        {{- end }}
        - name: admin
          containerPort: {{ $v.ports.admin }}
      # Both on the admin port, which no crowd in front of the page can fill. Liveness is about the process alone: NATS being away is no
      # reason to restart anything.
      startupProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 1
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      resources:
        {{- toYaml $v.resources | nindent 8 }}
      {{- if or $clustered $v.auth.secretName }}
      volumeMounts:
        {{- if $clustered }}
        - {name: cluster, mountPath: /etc/sfu/cluster, readOnly: true}
        {{- end }}
        {{- if $natsFiles }}
        - {name: nats, mountPath: /etc/sfu/nats, readOnly: true}
        {{- end }}
        {{- if $v.auth.secretName }}
        - {name: auth, mountPath: /etc/sfu/auth, readOnly: true}
        {{- end }}
      {{- end }}
  {{- if or $clustered $v.auth.secretName }}
  volumes:
    {{- if $clustered }}
    - name: cluster
      secret: {secretName: {{ required "cluster.secretName is missing" $v.cluster.secretName }}, defaultMode: 0440}
    {{- end }}
    {{- if $natsFiles }}
    - name: nats
      secret:
        secretName: {{ $v.nats.secretName }}
        defaultMode: 0440
        items:
          {{- range $natsFiles }}
          - {key: {{ . }}, path: {{ . }}}
          {{- end }}
    {{- end }}
    {{- if $v.auth.secretName }}
    - name: auth
      secret: {secretName: {{ $v.auth.secretName }}, defaultMode: 0440}
    {{- end }}
  {{- end }}
  {{- if .machine }}
  nodeSelector:
    kubernetes.io/hostname: {{ .machine.name | quote }}
  {{- else if $v.nodeSelector }}
  nodeSelector:
    {{- toYaml $v.nodeSelector | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $v.affinity }}
  affinity:
    {{- toYaml $v.affinity | nindent 4 }}
  {{- else if and (eq $v.workload "Deployment") (not .machine) }}
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "sfu.selector" .root | nindent 14 }}
  {{- end }}
  {{- if not .machine }}
  topologySpreadConstraints:
    {{- if $v.topologySpreadConstraints }}
    {{- toYaml $v.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "sfu.selector" .root | nindent 10 }}
    {{- end }}
  {{- end }}
{{- end }}

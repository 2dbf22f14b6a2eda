{{- define "localmodel-operator.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "localmodel-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "localmodel-operator.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}

{{- define "localmodel-operator.subjects" -}}
- {kind: ServiceAccount, name: {{ include "localmodel-operator.name" . }}, namespace: {{ .Release.Namespace }}}
{{- end }}

{{- /* What the operator does where it serves: in each namespace, or in all. */}}
{{- define "localmodel-operator.served" -}}
- apiGroups: [localmodel.dev]
  resources: [localmodeldeployments]
  verbs: [get, list, watch]
- apiGroups: [localmodel.dev]
  resources: [localmodeldeployments/status]
  verbs: [patch]
# children block the deletion of their owner
- apiGroups: [localmodel.dev]
  resources: [localmodeldeployments/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, update, delete]
# wheels of packages that come as source only are built where they are needed, and kept for this namespace alone
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, create, delete]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
# Secrets: whether a key is there, and the object's version; of those that a model's address names, the values
- apiGroups: [""]
  resources: [pods, secrets]
  verbs: [get, list, watch]
# NAME-wanted: what is to serve
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, update]
# the admin port of the pods, for warm swaps
- apiGroups: [""]
  resources: [pods/proxy]
  verbs: [get, create]
# what answers at a Service that has no address outside the cluster
- apiGroups: [""]
  resources: [services/proxy]
  verbs: [get]
# of resources with spec.autoscaling
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, create, patch, delete]
# of resources with spec.service.expose: Ingress or Gateway
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [get, create, update]
{{- end }}

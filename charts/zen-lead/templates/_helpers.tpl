{{/* The name of what belongs to this release. */}}
{{- define "zen-lead.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "zen-lead.account" -}}
{{- .Values.serviceAccount.name | default (include "zen-lead.fullname" .) -}}
{{- end }}

{{/* What selects the controllers' pods; it never changes. */}}
{{- define "zen-lead.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "zen-lead.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "zen-lead.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "zen-lead.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* "true" where metrics can be served: the controller asks the cluster who wants them. */}}
{{- define "zen-lead.metrics" -}}
{{- if or .Values.clusterObjects (not .Values.watchNamespaces) -}}true{{- end -}}
{{- end }}

{{/* "true" where the API is served: the controller asks the cluster who asks, as it does for metrics. */}}
{{- define "zen-lead.api" -}}
{{- if and .Values.api.enabled (include "zen-lead.metrics" .) -}}true{{- end -}}
{{- end }}

{{/* The Service of the API. */}}
{{- define "zen-lead.apiService" -}}
{{ include "zen-lead.fullname" . | trunc 59 | trimSuffix "-" }}-api
{{- end }}

{{/* The Secret of the API's certificate: ca.crt, tls.crt, tls.key. */}}
{{- define "zen-lead.apiSecret" -}}
{{ include "zen-lead.fullname" . }}-api-tls
{{- end }}

{{/* What clients call the API, as a list in JSON under "all", and apart under "names" and "addresses". */}}
{{- define "zen-lead.apiNames" -}}
{{- $service := include "zen-lead.apiService" . -}}
{{- $names := list $service -}}
{{- range list "" ".svc" ".svc.cluster.local" -}}
{{- $names = append $names (printf "%s.%s%s" $service $.Release.Namespace .) -}}
{{- end -}}
{{- $names = append $names "localhost" -}}
{{- $addresses := list -}}
{{- range .Values.api.dnsNames -}}
{{- if or (contains ":" .) (regexMatch `^[0-9.]+$` .) -}}
{{- $addresses = append $addresses . -}}
{{- else -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- dict "all" (concat $names $addresses) "names" $names "addresses" $addresses | toJson -}}
{{- end }}

{{/*
"true" where the cluster has MutatingAdmissionPolicy. Only a cluster that was asked lists kinds; helm template asks none
and knows a version at most.
*/}}
{{- define "zen-lead.mutatingAdmission" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}true
{{- else if and (not (.Capabilities.APIVersions.Has "v1/Pod")) (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) -}}true
{{- end -}}
{{- end }}

{{/* Fails where one value asks for what another forbids. */}}
{{- define "zen-lead.check" -}}
{{- if not .Values.clusterObjects -}}
{{- if and .Values.rbac.create (not .Values.watchNamespaces) -}}
{{- fail "watchNamespaces: must name the namespaces where clusterObjects is false: rights for all of them are a ClusterRole" -}}
{{- end -}}
{{- if .Values.flowControl.participants -}}
{{- fail "flowControl.participants: needs clusterObjects: a FlowSchema is the cluster's" -}}
{{- end -}}
{{- if .Values.podMonitor.enabled -}}
{{- fail "podMonitor.enabled: needs clusterObjects: the right to get /metrics is a ClusterRole's" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.api.enabled (not (include "zen-lead.api" .)) (or .Values.api.anonymous .Values.api.dnsNames .Values.api.certManager.enabled) -}}
{{- fail "api: needs clusterObjects: the right to ask the cluster who asks is a ClusterRole's. Leave its values, or set api.enabled to false" -}}
{{- end -}}
{{- if and .Values.api.certManager.issuerRef (not .Values.api.certManager.enabled) -}}
{{- fail "api.certManager.issuerRef: needs api.certManager.enabled" -}}
{{- end -}}
{{- end }}

{{/*
The objects of a file of controller/config (files/config is its copy, written by make generate), as a list in JSON under
"objects", with this release's labels, namespace and account. Call it with a list: the root context, the file.
*/}}
{{- define "zen-lead.config" -}}
{{- $ := index . 0 -}}
{{- $file := index . 1 -}}
{{- $text := $.Files.Get (printf "files/config/%s" $file) | required (printf "%s is not in the chart" $file) -}}
{{- $text = $text | replace "system:serviceaccount:zen-lead-system:zen-lead" (printf "system:serviceaccount:%s:%s" $.Release.Namespace (include "zen-lead.account" $)) -}}
{{- $objects := list -}}
{{- range regexSplit "(?m)^---$" $text -1 -}}
{{- $object := fromYaml . -}}
{{- if $object -}}
{{- if not $object.kind -}}
{{- fail (printf "%s: not an object: %s" $file (toJson $object)) -}}
{{- end -}}
{{- $_ := set $object.metadata "labels" (merge (include "zen-lead.labels" $ | fromYaml) ($object.metadata.labels | default dict)) -}}
{{- range dig "spec" "rules" (list) $object -}}
{{- range .subjects -}}
{{- if eq .kind "ServiceAccount" -}}
{{- $_ := set . "serviceAccount" (dict "namespace" $.Release.Namespace "name" (include "zen-lead.account" $)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $objects = append $objects $object -}}
{{- end -}}
{{- end -}}
{{- dict "objects" $objects | toJson -}}
{{- end }}

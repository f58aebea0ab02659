package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// Service, Deployment, Corefile and the network of the API server tell the same addresses and ports.
func TestTheManifestOfDNSIsConsistent(t *testing.T) {
	var service *corev1.Service
	var deployment *appsv1.Deployment
	var config *corev1.ConfigMap
	for _, object := range objects(t, dnsManifest) {
		switch o := object.(type) {
		case *corev1.Service:
			service = o
		case *appsv1.Deployment:
			deployment = o
		case *corev1.ConfigMap:
			config = o
		}
	}
	if service == nil || deployment == nil || config == nil {
		t.Fatal("a Service, a Deployment or a ConfigMap is missing")
	}
	if network := netip.MustParsePrefix(serviceNetwork); service.Spec.ClusterIP != dnsAddress || !network.Contains(netip.MustParseAddr(dnsAddress)) {
		t.Errorf("cluster IP %s, want %s in %s", service.Spec.ClusterIP, dnsAddress, network)
	}
	if pods := labels.Set(deployment.Spec.Template.Labels); !labels.SelectorFromSet(service.Spec.Selector).Matches(pods) {
		t.Errorf("the Service selects %v, the pods have %v", service.Spec.Selector, pods)
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	if container.ImagePullPolicy != corev1.PullNever {
		t.Errorf("pull policy %s: no registry has the image", container.ImagePullPolicy)
	}
	offered := map[string]corev1.ContainerPort{}
	for _, p := range container.Ports {
		offered[p.Name] = p
	}
	for _, p := range service.Spec.Ports {
		target := offered[p.TargetPort.String()]
		if p.Port != 53 || target.Protocol != p.Protocol {
			t.Errorf("port %d/%s leads to %s, which is %d/%s", p.Port, p.Protocol, p.TargetPort.String(), target.ContainerPort, target.Protocol)
		}
		zones, _, _ := strings.Cut(config.Data["Corefile"], " {")
		for zone := range strings.FieldsSeq(zones) {
			if port := fmt.Sprintf(":%d", target.ContainerPort); !strings.HasSuffix(zone, port) {
				t.Errorf("the Corefile serves %q, which the port %s%s does not reach", zone, p.Name, port)
			}
		}
	}
}

// objects decodes strictly: a field that does not exist is an error.
func objects(t *testing.T, manifest []byte) []runtime.Object {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var found []runtime.Object
	for reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		found = append(found, object)
	}
}

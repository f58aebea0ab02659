package locks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// metadataOnly has the API server answer a write with the metadata of what was written: of that only the version is not known here, and the
// next holder waits until it is.
const metadataOnly = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

var errNoVersion = errors.New("the answer to a write has no resourceVersion")

// statusClient writes statuses of ManualLocks at the API server.
type statusClient struct{ rest.Interface }

func newStatusClient(config *rest.Config, transport *http.Client) (statusClient, error) {
	answers := runtime.NewScheme()
	metav1.AddToGroupVersion(answers, schema.GroupVersion{Version: "v1"})
	if err := metav1.AddMetaToScheme(answers); err != nil {
		return statusClient{}, fmt.Errorf("client of ManualLocks: %w", err)
	}
	c, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("ManualLock"), false, false, config, serializer.NewCodecFactory(answers), transport)
	if err != nil {
		return statusClient{}, fmt.Errorf("client of ManualLocks: %w", err)
	}
	return statusClient{c}, nil
}

// Update writes a status.
func (c statusClient) Update(ctx context.Context, o *v1alpha1.ManualLock) error {
	sent := *o
	sent.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ManualLock"))
	body, err := json.Marshal(&sent)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var written metav1.PartialObjectMetadata
	err = c.Put().Namespace(o.Namespace).Resource("manuallocks").Name(o.Name).SubResource("status").
		SetHeader("Content-Type", runtime.ContentTypeJSON).SetHeader("Accept", metadataOnly).Body(body).Do(ctx).Into(&written)
	switch {
	case err != nil:
		return err //nolint:wrapcheck // who calls says what failed
	case written.ResourceVersion == "":
		return errNoVersion
	}
	o.ResourceVersion = written.ResourceVersion
	return nil
}

package audit

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Between returns what the API server was asked from one moment to another, once all of it stands in the log at path. To know that,
// it asks for a ConfigMap of its own that is not there, in a namespace that is.
func Between(ctx context.Context, path string, client kubernetes.Interface, namespace string, from, to time.Time) ([]Request, error) {
	marker := fmt.Sprintf("marker-%d", time.Now().UnixNano())
	err := Await(ctx, path, marker, func(ctx context.Context) error {
		_, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, marker, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil // it is the question that counts
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return Read(path, from, to)
}

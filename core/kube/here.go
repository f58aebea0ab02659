package kube

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config returns the API server and the account of this process: KUBECONFIG's, else the pod's.
func Config() (*rest.Config, error) {
	config, err := loader().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	return config, nil
}

// Namespace returns the namespace in which this process's pools are: POD_NAMESPACE, else that of the kubeconfig's context, else the
// pod's.
func Namespace() (string, error) {
	if told := os.Getenv("POD_NAMESPACE"); told != "" {
		return told, nil
	}
	namespace, _, err := loader().Namespace()
	if err != nil {
		return "", fmt.Errorf("find the namespace: %w", err)
	}
	return namespace, nil
}

func loader() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
}

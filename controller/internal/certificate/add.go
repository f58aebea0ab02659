package certificate

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// Options of Add.
type Options struct {
	// Dir is the folder of tls.crt and tls.key.
	Dir string
	// Secret is the one that is mounted there, if this process is to keep it filled; without a name somebody else does.
	Secret types.NamespacedName
	// Names are what clients call the API, DNS names and addresses; the Secret's certificate is for them.
	Names []string
}

// Add has the certificate looked after for as long as the manager runs. Whoever serves takes GetCertificate of what it returns.
func Add(m manager.Manager, o Options) (*Files, error) {
	files := NewFiles(o.Dir)
	if err := m.Add(files); err != nil {
		return nil, fmt.Errorf("load the API's certificate: %w", err)
	}
	if o.Secret.Name == "" {
		return files, nil
	}
	names := ordered(o.Names)
	if len(names) == 0 {
		return nil, errors.New("the API's certificate needs the names by which clients call it")
	}
	s := &SelfManaged{Client: m.GetClient(), Live: m.GetAPIReader(), Secret: o.Secret, Names: names, Offer: files.Offer, Now: time.Now}
	if err := m.Add(s); err != nil {
		return nil, fmt.Errorf("keep Secret %s: %w", o.Secret, err)
	}
	return files, nil
}

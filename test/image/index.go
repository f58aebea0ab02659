package image

import (
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Index is one name for the images of several architectures, by GOARCH: who pulls it gets the one for his machine. The order
// in the index, and so its digest, is that of the architectures' names.
func Index(images map[string]v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range slices.Sorted(maps.Keys(images)) {
		img := images[architecture]
		config, err := img.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("config of the image for %s: %w", architecture, err)
		}
		if config.Architecture != architecture {
			return nil, fmt.Errorf("the image for %s is for %s", architecture, config.Architecture)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: config.Platform()},
		})
	}
	return index, nil
}

package api

import (
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
)

// page is where a page of pools begins: after one, which may be gone by then.
type page struct {
	after types.NamespacedName
}

func (p page) token() string { return p.after.String() }

func parsePage(token string) (page, error) {
	if token == "" {
		return page{}, nil
	}
	namespace, name, ok := strings.Cut(token, "/")
	if !ok || namespace == "" || name == "" {
		return page{}, fail(codes.InvalidArgument, reasonInvalidArgument, "pageToken: %s is none that zen-lead gave", quoted(token))
	}
	return page{types.NamespacedName{Namespace: namespace, Name: name}}, nil
}

// of returns those of the pools, which are in order, that are on the page or after it.
func (p page) of(pools []types.NamespacedName) []types.NamespacedName {
	if p == (page{}) {
		return pools
	}
	i, found := slices.BinarySearchFunc(pools, p.after, snapshot.Order)
	if found {
		i++
	}
	return pools[i:]
}

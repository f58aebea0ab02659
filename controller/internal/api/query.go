package api

import (
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"google.golang.org/grpc/codes"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// inPath is what the query cannot say.
var inPath = utilities.NewDoubleArray([][]string{{"pool"}, {"lock"}})

// parseQuery reads the query of a URL into a request, where the gateway does not. What is malformed is refused, too.
func parseQuery(raw string, m proto.Message) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fail(codes.InvalidArgument, reasonInvalidArgument, "the query is malformed: %s", err.Error())
	}
	return query{}.Parse(m, values, inPath)
}

// parseLeaderQuery does it for what is asked most: reflection would take longer than everything else together.
func parseLeaderQuery(raw string, q *zenleadv1.GetLeaderRequest) error {
	if namespace, only := strings.CutPrefix(raw, "namespace="); only && !strings.ContainsAny(namespace, "&;%+") {
		q.Namespace = namespace
		return nil
	}
	return parseQuery(raw, q)
}

// query reads the query of a URL into a request. What the request does not have is refused: a misspelt namespace must not mean another
// pool.
type query struct {
	runtime.DefaultQueryParser
}

// Parse is called by the gateway.
func (q query) Parse(m proto.Message, values url.Values, known *utilities.DoubleArray) error {
	fields := m.ProtoReflect().Descriptor().Fields()
	for key, given := range values {
		switch f := fields.ByJSONName(key); {
		case f == nil || key == "pool" || key == "lock" || f.Kind() == protoreflect.MessageKind:
			return fail(codes.InvalidArgument, reasonInvalidArgument, "%s: there is no such parameter", quoted(key))
		case len(given) > 1:
			return fail(codes.InvalidArgument, reasonInvalidArgument, "%s: is given more than once", key)
		}
	}
	if err := q.DefaultQueryParser.Parse(m, values, known); err != nil {
		return fail(codes.InvalidArgument, reasonInvalidArgument, "%s", err.Error())
	}
	return nil
}

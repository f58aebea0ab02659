package api

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// encoded is a message that was encoded before, once for all streams on which it is sent. Each stream compresses it as its caller asked.
type encoded struct {
	bytes mem.SliceBuffer
}

func encode(m any) (*encoded, error) {
	b, err := encoding.GetCodecV2(proto.Name).Marshal(m)
	if err != nil {
		return nil, err
	}
	defer b.Free()
	return &encoded{bytes: b.Materialize()}, nil
}

// codec is that of protobuf, and passes on what is encoded.
type codec struct {
	encoding.CodecV2
}

// Marshal is called by gRPC for each message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if e, ok := v.(*encoded); ok {
		return mem.BufferSlice{e.bytes}, nil
	}
	return c.CodecV2.Marshal(v)
}

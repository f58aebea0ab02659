package lock

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// etcdPeer is a lock of etcd's own, on the etcd under the API server: as many contenders, each with a session on a connection of its own.
type etcdPeer struct {
	clients []*clientv3.Client
	mutexes []mutex
}

// sessionsAtOnce is how many sessions are made side by side.
const sessionsAtOnce = 16

func (r *rig) newEtcdPeer(ctx context.Context, contenders int) (*etcdPeer, error) {
	url, secure, err := r.cluster.Etcd()
	if err != nil {
		return nil, err
	}
	p := &etcdPeer{clients: make([]*clientv3.Client, contenders), mutexes: make([]mutex, contenders)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sessionsAtOnce)
	for i := range contenders {
		group.Go(func() error { return p.add(ctx, i, url, secure.Clone(), fmt.Sprintf("/bench-lock/%d", contenders)) })
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *etcdPeer) add(ctx context.Context, i int, url string, secure *tls.Config, prefix string) (err error) {
	p.clients[i], err = clientv3.New(clientv3.Config{Context: context.WithoutCancel(ctx), Endpoints: []string{url}, TLS: secure, Logger: zap.NewNop()})
	if err != nil {
		return fmt.Errorf("client of etcd: %w", err)
	}
	session, err := concurrency.NewSession(p.clients[i])
	if err != nil {
		return fmt.Errorf("session of etcd: %w", err)
	}
	p.mutexes[i] = concurrency.NewMutex(session, prefix)
	return nil
}

// close ends all connections; what was held ends with the sessions.
func (p *etcdPeer) close() (err error) {
	for _, c := range p.clients {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

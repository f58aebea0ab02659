package main

import (
	"context"
	"flag"
	"fmt"

	etcdflags "go.etcd.io/etcd/pkg/v3/flags"
	"go.etcd.io/etcd/server/v3/embed"
)

// parseEtcd takes etcd's own flags. Those that etcd's command translates by hand are translated here for URLs only.
func parseEtcd(flags []string) (startFunc, error) {
	config := embed.NewConfig()
	set := flag.NewFlagSet(etcdName, flag.ContinueOnError)
	config.AddFlags(set)
	if err := set.Parse(flags); err != nil {
		return nil, err
	}
	config.ListenClientUrls = etcdflags.UniqueURLsFromFlag(set, "listen-client-urls")
	config.AdvertiseClientUrls = etcdflags.UniqueURLsFromFlag(set, "advertise-client-urls")
	config.ListenPeerUrls = etcdflags.UniqueURLsFromFlag(set, "listen-peer-urls")
	config.AdvertisePeerUrls = etcdflags.UniqueURLsFromFlag(set, "initial-advertise-peer-urls")
	config.ListenMetricsUrls = etcdflags.UniqueURLsFromFlag(set, "listen-metrics-urls")
	return func(ctx context.Context, ended func(error)) error { return startEtcd(ctx, config, ended) }, nil
}

func startEtcd(ctx context.Context, config *embed.Config, ended func(error)) error {
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	go func() {
		select {
		case err := <-etcd.Err():
			ended(err)
		case <-etcd.Server.StopNotify():
			ended(fmt.Errorf("server stopped"))
		}
	}()
	select {
	case <-etcd.Server.ReadyNotify():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

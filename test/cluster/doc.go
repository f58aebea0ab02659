// Package cluster builds, starts and stops real Kubernetes control planes: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and,
// when asked for, fake nodes. No container runtime and no root is needed; everything is built from Go modules on first use and cached.
//
// A first use:
//
//	c, err := cluster.Start(ctx, cluster.Options{FakeNodes: 3, Progress: os.Stderr})
//	if err != nil {
//		return err
//	}
//	defer c.Stop()
//	if err := c.Apply(ctx, "../controller/config"); err != nil {
//		return err
//	}
//
// Guarantees:
//   - When Start returns, the API server is ready, the default ServiceAccount exists (with controllers) and every fake node is Ready.
//   - A cluster dies with the process that started it, however that process ends, unless Options.Detached is set.
//   - Stop ends what Start and Restart started and nothing else.
//   - Several clusters can run at once, from one process or from many.
//
// Non-guarantees: throw-away data. Without Options.Fsync a machine crash loses writes, and Stop does not shut down gracefully.
// Fake nodes run no processes: nothing about probes, images or signals can be shown on them.
//
// Linux only: the life of the processes is tied to their caller with a parent death signal.
package cluster

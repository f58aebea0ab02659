// Package zenlead installs zen-lead in a cluster and runs its controller as users do: with kubectl apply -k, as a process
// of its own, under the account that the installation makes, never as an administrator.
//
// A first use:
//
//	if err := zenlead.Install(ctx, c); err != nil {
//		return err
//	}
//	controller, err := zenlead.Start(ctx, c, zenlead.Options{})
//	if err != nil {
//		return err
//	}
//	defer controller.Kill()
//
// Guarantees:
//   - When Install returns, the CRD is served and every admission policy acts.
//   - When Start returns, the controller has read everything and decides.
//   - A controller dies with the process that started it, however that ends.
//
// Linux only, for the last of these.
package zenlead

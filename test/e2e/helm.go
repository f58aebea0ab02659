package e2e

import "context"

// release is the name that the documentation uses.
const release = "zen-lead"

// install installs the chart, or upgrades to it, as the documentation says.
func (w *world) install(ctx context.Context, v version) error {
	_, err := w.helm.Run(ctx, "upgrade", "--install", release, v.chart,
		"--namespace", installNamespace, "--create-namespace",
		"--set", "image.repository="+zenLeadImage, "--set", "image.tag="+v.tag, "--set", "tests.image="+kubectlImage,
		"--wait", "--timeout", "3m")
	return err
}

func (w *world) uninstall(ctx context.Context) error {
	_, err := w.helm.Run(ctx, "uninstall", release, "--namespace", installNamespace, "--wait", "--timeout", "3m")
	return err
}

// testChart runs the chart's own test.
func (w *world) testChart(ctx context.Context) error {
	_, err := w.helm.Run(ctx, "test", release, "--namespace", installNamespace, "--timeout", "3m")
	return err
}

package demo

import (
	"context"
	"errors"
	"io"
	"time"
)

// Options of a demo.
type Options struct {
	// Out gets what the demo shows and how far it is, as plain lines.
	Out io.Writer
	// Kubeconfig names the cluster to run on, as the environment variable KUBECONFIG does. Empty: a cluster of the
	// demo's own, which is built, started and stopped.
	Kubeconfig string
	// In is where consent to use that cluster is read from.
	In io.Reader
}

// removalTime bounds the removal of what the demo made.
const removalTime = 3 * time.Minute

// Run shows the demo. It returns nil only if every step held. Nothing that it started or made is left when it returns,
// except logs after a failure, which the error names.
func Run(ctx context.Context, o Options) (err error) {
	t := &teller{out: &serial{out: o.Out}, began: time.Now()}
	p, err := newPlace(t)
	if err != nil {
		return err
	}
	d := &demo{tell: t, place: p, endFoot: func() {}}
	defer func() {
		failed := err != nil && ctx.Err() == nil // nobody looks into what they interrupted
		err = errors.Join(err, d.end(ctx, failed))
	}()
	if o.Kubeconfig == "" {
		err = p.startLocal(ctx)
	} else {
		err = p.borrow(ctx, o.Kubeconfig, o.In)
	}
	if err != nil {
		return err
	}
	return d.run(ctx)
}

// end stops and removes everything, also when ctx has ended.
func (d *demo) end(ctx context.Context, failed bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	d.endFoot()
	var errs []error
	if d.recorder != nil { // it was not stopped: the story broke off
		_, err := d.recorder.Stop(ctx)
		errs = append(errs, err)
	}
	for _, c := range d.controllers {
		errs = append(errs, d.stop(ctx, c))
	}
	errs = append(errs, d.place.leave(ctx, failed))
	return errors.Join(append(errs, d.place.tidy(failed))...)
}

// Package pools is the suite of benchmarks about pools: how long a failover takes and what it writes, and what a pool
// costs at rest.
//
// Three processes take part beside API server and etcd: the controller, as installed and under its own account; the peer;
// and this one, which breaks things and looks at them through watches of its own. All latencies are differences of the
// moments at which this process received two watch events: one clock, and nobody measures himself.
package pools

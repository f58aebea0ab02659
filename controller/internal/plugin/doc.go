// Package plugin is "kubectl zenlead": who leads each pool and why, and the few things that people do about it.
//
// It reads what zen-lead wrote and explains it by the same rules that elect; it never writes a Lease, a role or a status.
// What moves a pool is written on its policy, and the controller does it.
package plugin

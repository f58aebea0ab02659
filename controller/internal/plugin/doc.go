// Package plugin is "kubectl zenlead": who leads each pool and why, who holds each lock, and the few things that people do about it.
//
// It reads what zen-lead wrote and explains it by the same rules that elect; it never writes a Lease, a role or a status.
// What moves a pool is written on its policy, what takes a lock from its holder on the lock, and zen-lead does it. All of it is done with
// the rights of whoever calls: kubectl's own access, and no token of zen-lead's API.
package plugin

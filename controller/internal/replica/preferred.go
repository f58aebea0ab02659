package replica

import (
	"crypto/sha256"
	"encoding/binary"
)

// preferred returns which of the replicas a pool prefers, "" if there are none. When one comes or goes, only the pools
// that prefer it change.
//
// Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
func preferred(replicas []string, pool string) string {
	var best string
	var most uint64
	for _, r := range replicas {
		if w := weight(r, pool); best == "" || w > most || w == most && r < best {
			best, most = r, w
		}
	}
	return best
}

// weight must be the same in every replica, whatever its version: it is part of what replicas agree on.
func weight(replica, pool string) uint64 {
	sum := sha256.Sum256([]byte(replica + "\n" + pool)) // neither contains a newline
	return binary.BigEndian.Uint64(sum[:8])
}

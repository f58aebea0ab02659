package zenlead

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// longestOwner is how many bytes an owner may have.
const longestOwner = 128

// owner tells people who holds a lock: the pod, or the machine, and the process.
var owner = sync.OnceValue(func() string {
	host, _ := os.Hostname() // people find it by the account then
	return ownerOf(cmp.Or(os.Getenv("POD_NAME"), host), os.Getpid())
})

func ownerOf(name string, process int) string {
	name, suffix := strings.ToValidUTF8(name, "?"), "/"+strconv.Itoa(process)
	end := min(len(name), longestOwner-len(suffix))
	for end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + suffix
}

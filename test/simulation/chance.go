package simulation

import (
	"math"
	"time"
)

// dice are a stream of draws (splitmix64).
type dice struct{ state uint64 }

// Uint64 makes dice a source for math/rand.
func (d *dice) Uint64() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// rolled returns the dice of one subject. Whoever draws for himself gets the same whatever others do meanwhile.
func rolled(seed uint64, subject ...string) *dice {
	h := uint64(14695981039346656037) ^ seed*0x9e3779b97f4a7c15
	for _, s := range subject {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	d := &dice{h}
	d.state = d.Uint64()
	return d
}

func (d *dice) float() float64 { return float64(d.Uint64()>>11) / (1 << 53) }

// in says yes with probability p.
func (d *dice) in(p float64) bool { return d.float() < p }

func (d *dice) intN(n int) int { return int(d.Uint64() % uint64(n)) }

// between draws a duration whose logarithm is even: short ones are as likely as long ones. a is more than 0.
func (d *dice) between(a, b time.Duration) time.Duration {
	return time.Duration(float64(a) * math.Pow(float64(b)/float64(a), d.float()))
}

// pick draws one of a list.
func pick[T any](d *dice, from []T) T { return from[d.intN(len(from))] }

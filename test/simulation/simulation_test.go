package simulation_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/kube-zen/zen-lead/test/simulation"
)

func TestOne(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("ZEN_LEAD_SEED"), 10, 64)
	if err != nil {
		t.Skip()
	}
	out := simulation.Run(t, seed, func(line string) { fmt.Println(line) })
	t.Log(out.Figures)
	if out.Err != nil {
		t.Error(out.Err)
	}
}

func TestMany(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	if n == 0 {
		n = 100
	}
	var all simulation.Figures
	for seed := range n {
		out := simulation.Run(t, uint64(seed), nil)
		all.Add(out.Figures)
		if out.Err != nil {
			t.Error(out.Err)
		}
	}
	t.Log(&all)
	t.Log(all.Missing())
}

package e2e

// scenarios, in the order in which they are played. The first finds the previous version installed, all others this one, and none the last.
func scenarios() []scenario {
	return []scenario{
		{name: "chart upgraded", stays: true, happen: upgradeChart},
		{name: "node drained", short: true, node: true, happen: drainNode},
		{name: "process killed", short: true, happen: killProcess},
		{name: "out of memory", happen: exhaustMemory},
		{name: "pod deleted", short: true, happen: deletePod},
		{name: "process stopped", happen: stopProcess},
		{name: "rolling update", happen: rollOut},
		{name: "node killed", node: true, happen: killNode},
		{name: "node cut off", node: true, happen: cutNodeOff},
		{name: "controllers killed", short: true, stays: true, happen: killControllers},
		{name: "API asked", short: true, happen: askAsGuided},
		{name: "API followed", either: true, happen: followFromOutside},
		{name: "locks taken", short: true, stays: true, happen: takeLocksAsGuided},
		{name: "API refuses", stays: true, happen: askWithoutRights},
		{name: "API in a browser", happen: lookAtPage},
		{name: "API's certificate renewed", stays: true, happen: renewCertificate},
		{name: "workers started", short: true, stays: true, happen: startWorkers},
		{name: "worker killed", short: true, stays: true, happen: killWorker},
		{name: "worker deleted", short: true, stays: true, happen: deleteWorker},
		{name: "work handed over", short: true, stays: true, happen: handOverWork},
		{name: "worker cut off", either: true, happen: cutWorkerOff},
		{name: "programs of zen-lead run", short: true, either: true, happen: playAgents},
		{name: "ready only on the leader", either: true, happen: rollOutReadyLeader},
		{name: "crashes measured", either: true, happen: measureCrashes},
		{name: "helm test", stays: true, happen: testChart},
		{name: "chart uninstalled", short: true, stays: true, happen: uninstallChart},
	}
}

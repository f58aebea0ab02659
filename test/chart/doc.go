// Package chart shows the Helm chart with the real helm: that it installs what controller/config does, and that a real API
// server takes it, upgrades it, and keeps the policies when it goes. Its pods are on fake nodes, where nothing runs; the
// controller is a process under the account that the chart made. What a value does is tested beside the chart, by helm-unittest.
package chart

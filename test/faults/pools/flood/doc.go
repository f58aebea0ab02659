// Package flood_test floods an API server with lists, as a careless client does, and looks whether leaders still move:
// with the priority level that zen-lead installs, and without it.
package flood_test

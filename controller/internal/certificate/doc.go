// Package certificate has the certificate by which the API is served: it loads the pair that somebody keeps in files, and can
// be that somebody, with an authority of its own in a Secret.
//
// Guarantees: a pair that can be served goes on being served until another one can; what goes wrong here is logged and
// tried again, and never ends the process. Two replicas that fill the Secret at the same time agree on what one of them wrote.
// A new authority is in ca.crt for nine months before anything is signed by it alone, so clients have that long to fetch it.
//
// Not guaranteed: that the pair which is served is the one in the Secret. Kubelets take up to a minute and a half to bring
// it, and a replica reads the Secret once an hour.
package certificate

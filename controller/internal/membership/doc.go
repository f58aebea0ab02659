// Package membership keeps two things true about pods that the election does not look after.
//
//   - The label zen-lead/pool repeats the annotation, so that members can be selected. A MutatingAdmissionPolicy does
//     that at the API server; where it is missing, and for pods that are older than it, this package does.
//   - A pod that is in no pool bears no role. The election sees only members; this package takes the role off a
//     pod that left, also one that left while nobody watched.
package membership

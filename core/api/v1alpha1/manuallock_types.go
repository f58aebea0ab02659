package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ManualLock is a lock that programs and people take by name, through zen-lead. Its status is the truth of who holds it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ml
// +kubebuilder:printcolumn:name=Holder,type=string,JSONPath=`.status.holders[0].owner`,description="Who holds it."
// +kubebuilder:printcolumn:name=Token,type=integer,JSONPath=`.status.token`,description="The highest token so far, which is the holder's."
// +kubebuilder:printcolumn:name=Waiting,type=integer,JSONPath=`.status.waiting`,description="How many wait for it."
// +kubebuilder:printcolumn:name=Since,type=date,JSONPath=`.status.holders[0].since`,description="How long it has been held."
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name: must start with a letter, hold only lower-case letters, digits and '-', and be at most 63 characters",fieldPath=.metadata
type ManualLock struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// What is wanted. Every field is optional: a lock without a spec is complete.
	// +optional
	Spec ManualLockSpec `json:"spec,omitempty,omitzero"`

	// What is. Written by zen-lead alone, but for token and epoch after etcd was restored.
	// +optional
	Status ManualLockStatus `json:"status,omitempty,omitzero"`
}

// ManualLockList is a list of ManualLocks.
//
// +kubebuilder:object:root=true
type ManualLockList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ManualLock `json:"items"`
}

// ManualLockSpec is what is wanted of a lock.
type ManualLockSpec struct {
	// Bounds of how long a holder may hold the lock after its last sign of life. Set them where a crash must be noticed early, or
	// where no holder may make others wait for long.
	// +optional
	TTLSeconds *TTLBounds `json:"ttlSeconds,omitempty"`

	// How many may wait at once; more are refused. 0: nobody waits. Set it lower where who cannot have the lock soon should rather give
	// up, higher for crowds. Default: 1000.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	MaxWaiters *int32 `json:"maxWaiters,omitempty"`

	// What the lock protects, for people.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Description string `json:"description,omitempty"`
}

// TTLBounds are bounds of the time, in seconds, that a holder holds a lock after its last renewal. Each holder chooses within them.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="(has(self.min) ? self.min : 1) <= (has(self.max) ? self.max : 300)",message="spec.ttlSeconds: min (1 where it is not set) must not be more than max (300 where it is not set)"
type TTLBounds struct {
	// The least. Default: 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	Min *int32 `json:"min,omitempty"`
	// The most. Default: 300.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	Max *int32 `json:"max,omitempty"`
}

// ManualLockStatus is who holds a lock, and who waits.
//
// +kubebuilder:validation:XValidation:rule="(has(self.token) ? self.token : 0) >= (has(oldSelf.token) ? oldSelf.token : 0)",message="status.token: only grows"
// +kubebuilder:validation:XValidation:rule="(has(self.epoch) ? self.epoch : 0) >= (has(oldSelf.epoch) ? oldSelf.epoch : 0)",message="status.epoch: only grows"
// +kubebuilder:validation:XValidation:rule="!has(self.holders) || self.holders.all(h, h.token <= (has(self.token) ? self.token : 0))",message="status.holders: no token is higher than status.token"
type ManualLockStatus struct {
	// Who holds the lock: nobody, or one.
	// +optional
	// +listType=map
	// +listMapKey=requestID
	// +kubebuilder:validation:MaxItems=1
	Holders []LockHolder `json:"holders,omitempty"`

	// The first who wait, next first, as they were when the status was last written. Whoever serves the lock knows the others.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Waiters []LockWaiter `json:"waiters,omitempty"`

	// How many waited when the status was last written.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting *int32 `json:"waiting,omitempty"`

	// The highest token so far: it grows with every grant, and is that of the holder. Below 2^53, large, with gaps: only compare.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	Token int64 `json:"token,omitempty"`

	// How often the token was raised by hand: after etcd was restored from a backup it may be smaller than one that was granted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Epoch int64 `json:"epoch,omitempty"`

	// What happened last.
	// +optional
	LastTransition *LockTransition `json:"lastTransition,omitempty"`

	// The last requests that have ended, the last at the end: each as 64 bits of a hash, and ! if it lost the lock. A copy of one of them that was
	// held up on its way is told Finished.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=12
	Finished []string `json:"finished,omitempty"`
}

// LockHolder is who holds a lock.
type LockHolder struct {
	// The holder's request: one that was told a token gets no other.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RequestID string `json:"requestID,omitempty"`
	// Who it is, in its own words.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner,omitempty"`
	// The account that asked: only that one renews and releases.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Account string `json:"account,omitempty"`
	// Its token.
	// +required
	// +kubebuilder:validation:Minimum=1
	Token int64 `json:"token,omitempty"`
	// When it was granted, for people.
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
	// How long, in seconds, it holds the lock after its last renewal.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TTLSeconds int32 `json:"ttlSeconds,omitempty"`
	// The replica that hears its renewals: the name of its Lease, in the namespace of zen-lead. No other lets it expire while that
	// Lease is renewed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Home string `json:"home,omitempty"`
	// The attempt by which the holder came to its home: an earlier one that arrives later does not move it.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt int64 `json:"attempt,omitempty"`
	// Somebody takes the lock from it: no renewal counts any more.
	// +optional
	Forced *LockForce `json:"forced,omitempty"`
}

// LockForce is who takes a lock from its holder, and why.
type LockForce struct {
	// The account.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	By string `json:"by,omitempty"`
	// Why.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}

// LockWaiter is who waits for a lock.
type LockWaiter struct {
	// The waiter's request.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RequestID string `json:"requestID,omitempty"`
	// Who it is, in its own words.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner,omitempty"`
	// The account that asked.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Account string `json:"account,omitempty"`
	// Since when it waits, for people.
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
}

// LockTransition is a change of who holds a lock.
type LockTransition struct {
	// Granted, Released, Undelivered, Expired or Forced. Where one holder ended and the next one began in one write: how the one before ended.
	// +required
	// +kubebuilder:validation:Enum=Granted;Released;Undelivered;Expired;Forced
	Reason string `json:"reason,omitempty"`
	// When, for people.
	// +optional
	Time *metav1.MicroTime `json:"time,omitempty"`
	// What happened and why, for people.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// Reasons of a LockTransition.
const (
	// LockGranted: it was free, and was granted.
	LockGranted = "Granted"
	// LockReleased: the holder gave it up.
	LockReleased = "Released"
	// LockUndelivered: the holder had gone before it heard of its grant. It has its place again for a while, as the next.
	LockUndelivered = "Undelivered"
	// LockExpired: the holder was not heard of for its ttl.
	LockExpired = "Expired"
	// LockForced: somebody took it from the holder.
	LockForced = "Forced"
)

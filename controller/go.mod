module github.com/kube-zen/zen-lead/controller

go 1.26.0

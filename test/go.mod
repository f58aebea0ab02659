module github.com/kube-zen/zen-lead/test

go 1.26.0

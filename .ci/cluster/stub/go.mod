module github.com/hookspan/hookspan/.ci/cluster/stub

go 1.26.0

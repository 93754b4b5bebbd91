// Command fakegpu is a device plugin that advertises N pretend GPUs (no device files, only environment variables).
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	v1 "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

type plugin struct {
	v1.UnimplementedDevicePluginServer
	n      int
	memory string
	health string // a file: while it exists, all devices are Unhealthy
}

func (p *plugin) GetDevicePluginOptions(context.Context, *v1.Empty) (*v1.DevicePluginOptions, error) {
	return &v1.DevicePluginOptions{}, nil
}
func (p *plugin) ListAndWatch(_ *v1.Empty, s v1.DevicePlugin_ListAndWatchServer) error {
	last := ""
	for {
		h := v1.Healthy
		if _, err := os.Stat(p.health); p.health != "" && err == nil {
			h = v1.Unhealthy
		}
		if h != last {
			var d []*v1.Device
			for i := 0; i < p.n; i++ {
				d = append(d, &v1.Device{ID: fmt.Sprintf("GPU-%d", i), Health: h})
			}
			if err := s.Send(&v1.ListAndWatchResponse{Devices: d}); err != nil {
				return err
			}
			last = h
		}
		select {
		case <-s.Context().Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}
func (p *plugin) Allocate(_ context.Context, r *v1.AllocateRequest) (*v1.AllocateResponse, error) {
	out := &v1.AllocateResponse{}
	for _, c := range r.ContainerRequests {
		out.ContainerResponses = append(out.ContainerResponses, &v1.ContainerAllocateResponse{Envs: map[string]string{
			"NVIDIA_VISIBLE_DEVICES": strings.Join(c.DevicesIds, ","), "FAKE_GPU_MEMORY": p.memory}})
	}
	return out, nil
}

func main() {
	res := flag.String("resource", "nvidia.com/gpu", "")
	n := flag.Int("n", 1, "")
	mem := flag.String("memory", "80GiB", "")
	health := flag.String("unhealthy-file", "", "")
	dir := flag.String("dir", v1.DevicePluginPath, "")
	flag.Parse()
	sock := strings.NewReplacer("/", "-", ".", "-").Replace(*res) + ".sock"
	for { // serve and register again whenever the kubelet has restarted (it empties the folder)
		path := filepath.Join(*dir, sock)
		os.Remove(path)
		l, err := net.Listen("unix", path)
		if err != nil {
			log.Print(err)
			time.Sleep(time.Second)
			continue
		}
		s := grpc.NewServer()
		v1.RegisterDevicePluginServer(s, &plugin{n: *n, memory: *mem, health: *health})
		go s.Serve(l)
		for {
			c, err := grpc.NewClient("unix://"+v1.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err == nil {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				_, err = v1.NewRegistrationClient(c).Register(ctx, &v1.RegisterRequest{Version: v1.Version, Endpoint: sock, ResourceName: *res, Options: &v1.DevicePluginOptions{}})
				cancel()
				c.Close()
			}
			if err == nil {
				log.Printf("registered %d x %s", *n, *res)
				break
			}
			log.Print(err)
			if _, gone := os.Stat(path); gone != nil { // a kubelet that starts empties the folder
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		for {
			if _, err := os.Stat(path); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		s.Stop()
	}
}

// The figures of a host: a series for what is known, none for what is not.
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { type HostFigures, registerHostFigures } from '../../src/telemetry/host-metrics.ts'

const bare: HostFigures = { volumes: [], engines: [], gpus: [] }

const scrape = async (figures: HostFigures): Promise<readonly string[]> => {
  const registry = new Registry()
  registerHostFigures(registry, async () => figures)
  return (await registry.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
}

describe('The figures of a host', () => {
  it('are no series while nothing is known', async () => expect(await scrape(bare)).toEqual([]))

  it('are told under the names that exporters gave them', async () => {
    const told = await scrape({
      memory: { totalBytes: 100, availableBytes: 60 },
      cgroup: { limitBytes: 50, usedBytes: 20 },
      volumes: [
        {
          mountpoint: '/srv',
          device: '/dev/sdb1',
          fstype: 'xfs',
          sizeBytes: 9,
          availableBytes: 4,
          files: 7,
          filesFree: 3,
        },
      ],
      engines: [
        {
          namespace: 'default',
          runtime: 'gpu-a',
          processes: 3,
          memoryBytes: 30,
          cpuSeconds: 1.5,
          gpus: [{ uuid: 'GPU-a', bytes: 8 }],
        },
      ],
      isGpuSeen: true,
      gpus: [{ uuid: 'GPU-a', index: '0', name: 'One', totalBytes: 80, usedBytes: 10 }],
    })
    expect(told).toMatchInlineSnapshot(`
      [
        "node_memory_MemTotal_bytes 100",
        "node_memory_MemAvailable_bytes 60",
        "container_spec_memory_limit_bytes 50",
        "container_memory_working_set_bytes 20",
        "node_filesystem_size_bytes{device="/dev/sdb1",fstype="xfs",mountpoint="/srv"} 9",
        "node_filesystem_avail_bytes{device="/dev/sdb1",fstype="xfs",mountpoint="/srv"} 4",
        "node_filesystem_files{device="/dev/sdb1",fstype="xfs",mountpoint="/srv"} 7",
        "node_filesystem_files_free{device="/dev/sdb1",fstype="xfs",mountpoint="/srv"} 3",
        "switchyard_engine_processes{namespace="default",runtime="gpu-a"} 3",
        "switchyard_engine_resident_memory_bytes{namespace="default",runtime="gpu-a"} 30",
        "switchyard_engine_cpu_seconds_total{namespace="default",runtime="gpu-a"} 1.5",
        "switchyard_engine_gpu_memory_bytes{namespace="default",runtime="gpu-a",uuid="GPU-a"} 8",
        "switchyard_gpu_sight 1",
        "nvidia_smi_gpu_info{uuid="GPU-a",index="0",name="One"} 1",
        "nvidia_smi_memory_total_bytes{uuid="GPU-a"} 80",
        "nvidia_smi_memory_used_bytes{uuid="GPU-a"} 10",
      ]
    `)
  })

  it('say that nvidia-smi fails, and no figure of a GPU', async () => {
    expect(await scrape({ ...bare, isGpuSeen: false })).toEqual(['switchyard_gpu_sight 0'])
  })

  it('forget an engine that ended', async () => {
    const registry = new Registry()
    const engine = {
      namespace: 'default',
      runtime: 'gpu-a',
      processes: 1,
      memoryBytes: 1,
      cpuSeconds: 1,
      gpus: [],
    }
    let engines: HostFigures['engines'] = [engine]
    registerHostFigures(registry, async () => ({ ...bare, engines }))
    expect(await registry.metrics()).toContain(
      'switchyard_engine_processes{namespace="default",runtime="gpu-a"} 1',
    )
    engines = []
    expect(await registry.metrics()).not.toContain('gpu-a')
  })
})

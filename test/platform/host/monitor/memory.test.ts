// Memory of the machine, of cgroups of both kinds, and of processes: what the kernel's files say.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findMount, parseMounts } from '../../../../src/platform/host/monitor/disks.ts'
import { addResident, parseCpu, parseResident } from '../../../../src/platform/host/monitor/engine-usage.ts'
import { parseCgroup, parseMeminfo, readCgroupLimit } from '../../../../src/platform/host/monitor/memory.ts'
import { aFolder } from '../host-parts.ts'

const gibi = 1024 ** 3
const { folder, remove } = aFolder()
afterAll(remove)

const write = (path: string, files: Readonly<Record<string, string>>): void => {
  mkdirSync(join(folder, path), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, path, name), text)
}

describe('The memory of the machine', () => {
  it('is what is there and what can be had, and the swap beside it', () => {
    const text =
      'MemTotal:       24684084 kB\nMemFree:  1 kB\nMemAvailable:   23681896 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n'
    expect(parseMeminfo(text)).toEqual({
      memory: { totalBytes: 24_684_084 * 1024, availableBytes: 23_681_896 * 1024 },
      swap: { totalBytes: 0, freeBytes: 0 },
    })
  })

  it('is absent where it is not told', () => expect(parseMeminfo('')).toEqual({}))
})

describe('The cgroup that we run in', () => {
  it('is a path of the one tree', () => {
    expect(parseCgroup('0::/system.slice/switchyard.service\n')).toEqual({
      version: 2,
      memory: '/system.slice/switchyard.service',
      cpu: '/system.slice/switchyard.service',
    })
  })

  it('is one path per tree on an old kernel', () => {
    expect(parseCgroup('4:memory:/a\n2:cpu,cpuacct:/b:c\n0::/\n')).toEqual({
      version: 1,
      memory: '/a',
      cpu: '/b:c',
    })
  })

  it('has the nearest limit on the way up, and counts what cannot be dropped', async () => {
    write('two', { 'memory.max': 'max\n' })
    write('two/slice', { 'memory.max': `${8 * gibi}\n` })
    write('two/slice/unit', {
      'memory.max': 'max\n',
      'memory.current': `${3 * gibi}\n`,
      'memory.stat': `anon 1\ninactive_file ${gibi}\n`,
    })
    const paths = { version: 2, memory: '/slice/unit', cpu: '/slice/unit' } as const
    expect(await readCgroupLimit(paths, join(folder, 'two'))).toEqual({
      limitBytes: 8 * gibi,
      usedBytes: 2 * gibi,
    })
  })

  it('has none where an old kernel writes the largest number', async () => {
    write('one/memory/a', {
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.usage_in_bytes': '5\n',
    })
    const paths = { version: 1, memory: '/a', cpu: '/a' } as const
    expect(await readCgroupLimit(paths, join(folder, 'one'))).toBeUndefined()
    write('one/memory/a', { 'memory.limit_in_bytes': `${gibi}\n` })
    expect(await readCgroupLimit(paths, join(folder, 'one'))).toEqual({ limitBytes: gibi, usedBytes: 5 })
  })
})

describe('A process', () => {
  it('has its own time and that of children that have ended, whatever its name is', () => {
    expect(parseCpu('7 (a) b (c) S 1 7 7 0 -1 4194304 9 9 9 9 150 50 20 30 20 0 1 0 99')).toBe(2.5)
  })

  it('has memory of its own, and shares the rest with its like', () => {
    const status = 'VmRSS: 99 kB\nRssAnon:\t     300 kB\nRssFile:\t     500 kB\nRssShmem:\t     200 kB\n'
    expect(parseResident(status)).toEqual({ ownBytes: 300 * 1024, sharedBytes: 700 * 1024 })
    expect(addResident([parseResident(status), parseResident(status)])).toBe((600 + 700) * 1024)
  })
})

describe('A folder', () => {
  const mounts = parseMounts(
    [
      '22 1 0:21 / / rw,relatime - ext4 /dev/vda1 rw',
      '30 22 0:30 / /mnt/my\\040disk rw master:1 - xfs /dev/sdb1 rw',
      '31 22 0:31 / /mnt/over rw - ext4 /dev/sdc1 rw',
      '32 31 0:32 / /mnt/over rw - tmpfs tmpfs rw',
    ].join('\n'),
  )

  it.each([
    ['/srv/models', '/dev/vda1'],
    ['/mnt/my disk/models', '/dev/sdb1'],
    ['/mnt/my disks', '/dev/vda1'],
    ['/mnt/over/models', 'tmpfs'],
  ])('%s stands on %s', (path, device) => expect(findMount(mounts, path)?.device).toBe(device))
})

// Milliseconds for which this process was awake: a machine with other work may let it stand still for seconds, which is
// nobody's lateness. Every wait, every figure and the hand of the world's clock go by it.

const mostPerTick = 150
let total = 0
let last = Date.now()

export const awakeNow = (): number => {
  const now = Date.now()
  total += Math.min(mostPerTick, Math.max(0, now - last))
  last = now
  return total
}

setInterval(awakeNow, 10).unref()

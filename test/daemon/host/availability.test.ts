import { describe, expect, it } from "vitest";
import { Availability } from "../../../daemon/host/availability.ts";
import { stillClock } from "../../worlds/still-clock.ts";

/** Local time of a day without a change of clocks, as a schedule is meant. */
function clockAt(time: string) {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return stillClock(new Date(2026, 0, 15, hour, minute).getTime());
}

describe("a host's pause", () => {
  it.each([
    [-1, true],
    [1, false],
  ])("until %i ms from now leaves it open: %s", (fromNowMs, isOpen) => {
    const clock = clockAt("12:00");
    const availability = new Availability(clock);
    availability.pauseUntil(clock.now() + fromNowMs);
    expect(availability.isOpen).toBe(isOpen);
    expect(availability.pausedUntil).toBe(isOpen ? null : clock.now() + fromNowMs);
  });
});

describe("a host's schedule", () => {
  it.each([
    [null, "03:00", true],
    ["09:00-17:00", "08:59", false],
    ["09:00-17:00", "09:00", true],
    ["09:00-17:00", "16:59", true],
    ["09:00-17:00", "17:00", false],
    ["22:00-07:00", "21:59", false],
    ["22:00-07:00", "22:00", true],
    ["22:00-07:00", "23:59", true],
    ["22:00-07:00", "00:00", true],
    ["22:00-07:00", "06:59", true],
    ["22:00-07:00", "07:00", false],
    ["00:00-24:00", "00:00", true],
    ["00:00-24:00", "23:59", true],
    ["18:00-24:00", "00:00", false],
    ["06:00-08:00, 20:00-22:00", "07:30", true],
    ["06:00-08:00, 20:00-22:00", "12:00", false],
    ["06:00-08:00, 20:00-22:00", "21:00", true],
  ])("of %s, at %s: open %s", (schedule, time, isOpen) => {
    const availability = new Availability(clockAt(time));
    availability.setSchedule(schedule);
    expect(availability.isOpen).toBe(isOpen);
    expect(availability.schedule).toBe(schedule);
  });

  it.each(["", "9-17", "09:00", "24:01-25:00", "09:00-09:00", "09:00-24:30", "09:60-10:00", "09:00-17:00,"])(
    'is refused where it says "%s", and the one before stays',
    (schedule) => {
      const availability = new Availability(clockAt("12:00"));
      availability.setSchedule("22:00-07:00");
      expect(() => availability.setSchedule(schedule)).toThrow(expect.objectContaining({ code: "usage_invalid" }));
      expect(availability).toMatchObject({ schedule: "22:00-07:00", isOpen: false });
    },
  );
});

describe("a host that is paused", () => {
  it("is closed until the time is over, whatever its schedule says", () => {
    const clock = clockAt("12:00");
    const availability = new Availability(clock);
    availability.setSchedule("09:00-17:00");
    availability.pause(60_000);
    expect(availability).toMatchObject({ isOpen: false, pausedUntil: clock.now() + 60_000 });
    clock.move(59_999);
    expect(availability.isOpen).toBe(false);
    clock.move(1);
    expect(availability).toMatchObject({ isOpen: true, pausedUntil: null });
  });

  it("without a time is closed until it is resumed", () => {
    const clock = clockAt("12:00");
    const availability = new Availability(clock);
    availability.pause(null);
    clock.move(1e12);
    expect(availability.isOpen).toBe(false);
    availability.resume();
    expect(availability).toMatchObject({ isOpen: true, pausedUntil: null });
  });
});

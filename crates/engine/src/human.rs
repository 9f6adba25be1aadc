//! Sizes and ages in docker's words, and errors as sentences.

use jiff::Timestamp;

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Makes a sentence of an error's words: a full stop at the end. Names keep their spelling, so nothing is capitalised.
#[must_use]
pub fn sentence(words: &str) -> String {
    match words.chars().last() {
        Some('.' | '!' | '?') | None => words.to_owned(),
        Some(_) => format!("{words}."),
    }
}

/// The words of our own that messages begin with, of the kind that nothing is called.
const FIRST_WORDS: [&str; 15] = [
    "a",
    "an",
    "another",
    "cannot",
    "it",
    "more",
    "no",
    "nobody",
    "nothing",
    "several",
    "something",
    "the",
    "there",
    "this",
    "what",
];

/// Begins a message with a capital where it begins with a word of ours. A name that stands first keeps its spelling.
#[must_use]
pub fn sentence_case(message: &str) -> String {
    let first = message.split(' ').next().unwrap_or_default();
    match FIRST_WORDS.contains(&first) {
        true => capitalised(message),
        false => message.to_owned(),
    }
}

/// Makes a whole sentence of words that begin with no name: a capital, and a full stop.
#[must_use]
pub fn whole_sentence(words: &str) -> String {
    capitalised(&sentence(words))
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase).into_iter().flatten();
    first.collect::<String>() + rest.as_str()
}

/// Writes a size with three significant digits and a decimal unit: `0B`, `77.8MB`, `1.36GB`.
///
/// The same as docker's `units.HumanSizeWithPrecision(size, 3)`, but for what Go writes as `1e+03kB`, which is `1MB` here.
#[must_use]
pub fn size(bytes: u64) -> String {
    let mut unit = 0;
    let mut one: u64 = 1;
    // 999.5 is where three digits would round up to a fourth.
    while unit + 1 < UNITS.len() && u128::from(bytes) * 2 >= u128::from(one) * 1999 {
        one *= 1000;
        unit += 1;
    }
    let hundredths = u128::from(bytes) * 100 / u128::from(one);
    let decimals = match hundredths {
        9995.. => 0,
        _ if u128::from(bytes) * 1000 >= u128::from(one) * 9995 => 1,
        _ => 2,
    };
    let mut text = rounded(bytes, one, decimals);
    if decimals > 0 {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text.push_str(UNITS[unit]);
    text
}

/// Writes `bytes / one` with so many decimals.
///
/// In whole numbers, which is many times faster than in floating point. Only where the exact value lies in the middle of two,
/// the floating point that docker calculates with decides, by where it happens to have its nearest number.
fn rounded(bytes: u64, one: u64, decimals: usize) -> String {
    let mut scale: u32 = [1, 10, 100][decimals];
    let (scaled, one) = (u128::from(bytes) * u128::from(scale), u128::from(one));
    let (down, rest) = (scaled / one, scaled % one);
    if rest * 2 == one {
        let mut left = one;
        #[expect(
            clippy::cast_precision_loss,
            reason = "three digits are shown, f64 has fifteen"
        )]
        let mut value = bytes as f64;
        while left > 1 {
            value /= 1000.0;
            left /= 1000;
        }
        return format!("{value:.decimals$}");
    }
    let nearest = if rest * 2 > one { down + 1 } else { down };
    let nearest = u32::try_from(nearest).unwrap_or(u32::MAX);
    let mut text = (nearest / scale).to_string();
    if decimals > 0 {
        text.push('.');
    }
    // Digit by digit: a list of ten thousand sizes takes a third of the time that it would with a format.
    while scale > 1 {
        scale /= 10;
        text.extend(char::from_digit(nearest / scale % 10, 10));
    }
    text
}

/// Writes how long ago something was: `3 weeks ago`. A time to come counts as now.
#[must_use]
pub fn age(now: Timestamp, then: Timestamp) -> String {
    let mut text = duration(now.as_second() - then.as_second());
    text.push_str(" ago");
    text
}

/// Writes a span of seconds in docker's words: `About an hour`, `3 weeks`. Less than none counts as none.
///
/// The same steps as docker's `units.HumanDuration`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match seconds {
        ..1 => "Less than a second".into(),
        1 => "1 second".into(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".into(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".into(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 14 => format!("{} days", hours / 24),
        _ if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// Reads a size: bytes, or a number with `kB`, `MB`, `GB`, `TB` (powers of 1000) or `KiB`, `MiB`, `GiB`, `TiB`; the unit
/// may stand alone as `k`, `m`, `g`, `t`, and in either case.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1000_u64.pow(2),
        "g" | "gb" => 1000_u64.pow(3),
        "t" | "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part = if fraction.is_empty() {
        0
    } else {
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let value = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / scale;
        u64::try_from(value).ok()?
    };
    whole.checked_mul(factor)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_spelling_at_the_beginning() {
        for (message, shown) in [
            ("no engine is at unix:///x.", "No engine is at unix:///x."),
            (
                "nobody.example/app has no tag.",
                "nobody.example/app has no tag.",
            ),
            ("web-1 runs.", "web-1 runs."),
            ("", ""),
        ] {
            assert_eq!(sentence_case(message), shown);
        }
    }

    #[test]
    fn words_that_begin_with_no_name_become_a_whole_sentence() {
        for (words, shown) in [
            ("image is in use", "Image is in use."),
            ("it has 2 names.", "It has 2 names."),
            ("", ""),
        ] {
            assert_eq!(whole_sentence(words), shown);
        }
    }

    #[test]
    fn sizes_are_dockers() {
        for (bytes, text) in [
            (0, "0B"),
            (9, "9B"),
            (999, "999B"),
            (1000, "1kB"),
            (1234, "1.23kB"),
            (77_800_000, "77.8MB"),
            (124_400_000, "124MB"),
            (999_499, "999kB"),
            (999_500, "1MB"),
            (1_360_000_000, "1.36GB"),
            (9_999_000, "10MB"),
            (u64::MAX, "18.4EB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn whole_numbers_round_as_floating_point_does() {
        let as_docker = |bytes: u64| {
            let (mut value, mut unit) = (bytes as f64, 0);
            while value >= 999.5 && unit + 1 < UNITS.len() {
                value /= 1000.0;
                unit += 1;
            }
            let decimals = match value {
                _ if value >= 99.95 => 0,
                _ if value >= 9.995 => 1,
                _ => 2,
            };
            let text = format!("{value:.decimals$}");
            let text = match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.'),
                false => &text,
            };
            format!("{text}{}", UNITS[unit])
        };
        // Dense around the borders and the middles, then ever further apart.
        let near = (0..2_000_000_u64).chain((0..60).flat_map(|power| {
            let at = 1_u64 << power;
            (0..400).map(move |step| at + step * (at / 321 + 1))
        }));
        for bytes in near {
            assert_eq!(size(bytes), as_docker(bytes), "{bytes}");
        }
    }

    #[test]
    fn durations_are_dockers() {
        for (seconds, text) in [
            (-5, "Less than a second"),
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5399, "About an hour"),
            (5400, "2 hours"),
            (3600 * 47, "47 hours"),
            (3600 * 48, "2 days"),
            (3600 * 24 * 14, "2 weeks"),
            (3600 * 24 * 60, "2 months"),
            (3600 * 24 * 365 * 2, "2 years"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn sizes_are_read_in_both_families_of_units() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("100", Some(100)),
            ("100MB", Some(100_000_000)),
            ("1.5gb", Some(1_500_000_000)),
            ("1 KiB", Some(1024)),
            (".5k", Some(500)),
            ("", None),
            (".", None),
            ("1..2k", None),
            ("12 apples", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("18446744073709551615TB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }
}

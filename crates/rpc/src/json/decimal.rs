//! Decimals of 18 places: the integer times 10^18 in binary, a point in JSON. Any number of digits, and a sign: unlike
//! [`primitives::Dec`], which an overdrawn account's funds do not fit.

const PLACES: usize = 18;

fn split_sign(text: &str) -> (&str, &str) {
    match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1500000000000000000` to `1.500000000000000000`. Text that is no integer stays as it is; empty text is zero.
pub(super) fn to_json(wire: &str) -> String {
    let (sign, digits) = split_sign(wire);
    match digits {
        "" => to_json("0"),
        digits if all_digits(digits) => {
            let padded = format!("{digits:0>width$}", width = PLACES + 1);
            let (whole, fraction) = padded.split_at(padded.len() - PLACES);
            format!("{sign}{whole}.{fraction}")
        }
        _ => wire.to_owned(),
    }
}

/// `1.5` to `1500000000000000000`; none when it is no decimal of at most 18 places.
pub(super) fn from_json(text: &str) -> Option<String> {
    let (sign, digits) = split_sign(text.trim());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > PLACES || text.len() > 100 {
        return None;
    }
    let joined = format!("{whole}{fraction:0<PLACES$}");
    let trimmed = joined.trim_start_matches('0');
    Some(if trimmed.is_empty() { "0".to_owned() } else { format!("{sign}{trimmed}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn points_come_and_go() {
        for (wire, json) in [
            ("0", "0.000000000000000000"),
            ("100000000000000000", "0.100000000000000000"),
            ("1500000000000000000", "1.500000000000000000"),
            ("-25", "-0.000000000000000025"),
        ] {
            assert_eq!(to_json(wire), json);
            assert_eq!(from_json(json).as_deref(), Some(wire));
        }
        assert_eq!(to_json(""), "0.000000000000000000");
        assert_eq!(to_json("garbage"), "garbage");
        assert_eq!(from_json("100").as_deref(), Some("100000000000000000000"));
        for wrong in ["", ".", "1.", ".5", "1e3", "--1", "0.0000000000000000001", "1,5"] {
            assert_eq!(from_json(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(atoms in any::<i128>()) {
            let wire = atoms.to_string();
            prop_assert_eq!(from_json(&to_json(&wire)), Some(wire));
        }

        #[test]
        fn the_decimal_is_that_of_the_machine(atoms in any::<u128>()) {
            let dec = primitives::Dec::from_atoms(atoms);
            prop_assert_eq!(to_json(&dec.to_wire()), dec.to_string());
        }
    }
}

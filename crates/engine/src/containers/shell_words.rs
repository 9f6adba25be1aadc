//! Words as a POSIX shell reads them: quoted for it, and read as it reads them.

/// What is wrong with a line in which a quote has no other end.
const QUOTE: &str = "a quote is not closed";
/// What is wrong with a line that ends in the middle of a character.
const BACKSLASH: &str = "there is nothing behind the last backslash";

/// Writes a word so that a shell gives it on as it is.
pub(super) fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Writes words as one line.
pub(super) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(quote).collect();
    quoted.join(" ")
}

/// Reads the words of a line, or says what is wrong with it. Quotes and backslashes are a shell's; nothing is expanded, since no shell
/// will see it.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    // `None` between words; a pair of quotes alone is an empty word.
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        match letter {
            letter if letter.is_ascii_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(QUOTE)? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(QUOTE)? {
                        '"' => break,
                        '\\' => match rest.next().ok_or(QUOTE)? {
                            '\n' => {}
                            letter @ ('$' | '`' | '"' | '\\') => word.push(letter),
                            letter => word.extend(['\\', letter]),
                        },
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => match rest.next().ok_or(BACKSLASH)? {
                '\n' => {}
                letter => word.get_or_insert_default().push(letter),
            },
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads one word that begins and ends with a quote, and returns it with how many bytes it took. `None` where there is none.
pub(super) fn quoted_word(text: &str) -> Option<(String, usize)> {
    if !text.starts_with(['\'', '"']) {
        return None;
    }
    // The word ends at the first space outside of quotes: before that what was read is no whole word, or more than one.
    let ends = text
        .char_indices()
        .filter(|(_, letter)| letter.is_ascii_whitespace());
    let ends = ends.map(|(at, _)| at).chain([text.len()]);
    for end in ends {
        if text[..end].ends_with(['\'', '"'])
            && let Ok(words) = split(&text[..end])
            && let [word] = words.as_slice()
        {
            return Some((word.clone(), end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_backslashes_are_a_shells() {
        let read = |line: &str| split(line).expect("it is a list of words");
        assert_eq!(read("  sh  -c 'echo hi' "), ["sh", "-c", "echo hi"]);
        assert_eq!(read(r#"a"b c"'d e'f\ g"#), ["ab cd ef g"]);
        assert_eq!(
            read(r#""\$HOME \x \" \\" $HOME"#),
            [r#"$HOME \x " \"#, "$HOME"]
        );
        assert_eq!(read("'' \"\""), ["", ""]);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(split("echo 'hi"), Err(QUOTE));
        assert_eq!(split("echo \"hi\\"), Err(QUOTE));
        assert_eq!(split("echo \\"), Err(BACKSLASH));
    }

    #[test]
    fn a_plain_word_stays_plain() {
        for plain in [
            "nginx:1.27",
            "-e",
            "A=b",
            "/srv/data:/data:ro",
            "8080:80/tcp",
        ] {
            assert_eq!(quote(plain), plain);
        }
        for odd in [
            "", "a b", "it's", "$HOME", "a;b", "~", "*", "#", "ü", "a\nb", "!",
        ] {
            assert_ne!(quote(odd), odd, "{odd:?}");
        }
    }

    /// What a real shell makes of the words of a line.
    #[cfg(unix)]
    fn shell(line: &str) -> Vec<String> {
        let script = format!("printf '%s\\0' {line}");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output();
        let output = output.expect("there is a shell").stdout;
        let text = String::from_utf8(output).expect("as it was given");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_reads_what_was_quoted() {
        let words = [
            "-c", "it's", "\"", "a b", "", "$HOME", "`id`", "\\", "a\nb", "*", "~", "ü", "!x", "#",
            "{a,b}", "a\tb", "''",
        ];
        assert_eq!(shell(&join(words)), words);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_as_it_was(words in proptest::collection::vec("[ -~\nü]{0,8}", 0..5)) {
            let line = join(words.iter().map(String::as_str));
            prop_assert_eq!(split(&line), Ok(words));
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC*") {
            drop(split(&line));
        }
    }
}

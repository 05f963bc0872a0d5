//! How like two texts are: ROUGE-1, the overlap of their words.

use std::collections::BTreeMap;

fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// ROUGE-1 F: the harmonic mean of precision and recall of words, each counted as often as it stands in both. 0 where one
/// has none.
pub fn rouge1(candidate: &str, reference: &str) -> f64 {
    let (candidate, reference) = (words(candidate), words(reference));
    let both: usize = candidate.iter().map(|(word, n)| (*n).min(reference.get(word).copied().unwrap_or(0))).sum();
    let all = candidate.values().sum::<usize>() + reference.values().sum::<usize>();
    if all == 0 { 0.0 } else { 2.0 * both as f64 / all as f64 }
}

/// The reward of an answer to a question with a known reference (specification 4.3, SN1): half ROUGE-1, half the similarity of
/// embeddings, less half of what it only repeats of the question.
pub fn reward(answer: &str, reference: &str, question: &str, similarity: f64) -> f64 {
    let similarity = if similarity.is_finite() { similarity.clamp(0.0, 1.0) } else { 0.0 };
    (0.5 * rouge1(answer, reference) + 0.5 * similarity - 0.5 * rouge1(answer, question)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rouge_is_the_published_measure() {
        // Lin's example of 2004: 3 words of 4 are shared.
        assert!((rouge1("police kill the gunman", "police killed the gunman") - 0.75).abs() < 1e-12);
        assert!((rouge1("the the the", "The cat") - 0.4).abs() < 1e-12);
        assert_eq!([rouge1("", ""), rouge1("a", "")], [0.0, 0.0]);
    }

    #[test]
    fn a_parrot_earns_less_than_an_answer() {
        let (question, reference) = ("What does the function len return?", "The number of items of a container.");
        let honest = reward("It returns the number of items.", reference, question, 0.8);
        let parrot = reward(question, reference, question, 0.6);
        assert!(honest > 0.4 && parrot == 0.0, "{honest} {parrot}");
    }

    proptest! {
        #[test]
        fn likeness_has_no_direction(a in "[a-c ]{0,12}", b in "[a-c ]{0,12}") {
            prop_assert_eq!(rouge1(&a, &b), rouge1(&b, &a));
            prop_assert!((0.0..=1.0).contains(&rouge1(&a, &b)));
        }
    }
}

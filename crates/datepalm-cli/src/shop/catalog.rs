//! What the shop sells, where and for how much. Prices contain VAT and are minor units of the store's currency.
//!
//! Invariant: a product belongs to one store, and a store to one Datepalm account; so one currency per cart.

use tamara::money::{Currency, Money};

/// One of the shop's two branches. Each sells through its own merchant account.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Store {
    /// Riyadh, in riyals with two digits.
    Saudi,
    /// Kuwait City, in dinars with three digits.
    Kuwait,
}

impl Store {
    pub(super) const ALL: [Self; 2] = [Self::Saudi, Self::Kuwait];

    pub(super) fn from_country(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.country() == code)
    }

    pub(super) fn country(self) -> &'static str {
        match self {
            Self::Saudi => "SA",
            Self::Kuwait => "KW",
        }
    }

    pub(super) fn country_name(self) -> &'static str {
        match self {
            Self::Saudi => "Saudi Arabia",
            Self::Kuwait => "Kuwait",
        }
    }

    pub(super) fn city(self) -> &'static str {
        match self {
            Self::Saudi => "Riyadh",
            Self::Kuwait => "Kuwait City",
        }
    }

    pub(super) fn currency(self) -> Currency {
        match self {
            Self::Saudi => Currency::Sar,
            Self::Kuwait => Currency::Kwd,
        }
    }

    pub(super) fn money(self, minor: i64) -> Money {
        Money::new(minor, self.currency())
    }

    /// Delivery, given what the goods cost: free for large orders.
    pub(super) fn delivery_minor(self, goods_minor: i64) -> i64 {
        let (fee_minor, free_from_minor) = match self {
            Self::Saudi => (2_500, 30_000),
            Self::Kuwait => (1_500, 40_000),
        };
        if goods_minor >= free_from_minor {
            0
        } else {
            fee_minor
        }
    }
}

/// One thing on the shelf.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    pub(super) arabic: &'static str,
    pub(super) note: &'static str,
    pub(super) store: Store,
    pub(super) price_minor: i64,
    /// A drawing, part of this program and therefore safe to put on a page as it is.
    pub(super) art: &'static str,
}

impl Product {
    pub(super) fn price(&self) -> Money {
        self.store.money(self.price_minor)
    }
}

pub(super) fn product(sku: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.sku == sku)
}

pub(super) static PRODUCTS: [Product; 7] = [
    Product {
        sku: "ajwa",
        name: "Ajwa dates",
        arabic: "تمر عجوة",
        note: "Madinah, soft and dark, 500 g",
        store: Store::Saudi,
        price_minor: 8_900,
        art: include_str!("../../templates/shop/art/ajwa.svg"),
    },
    Product {
        sku: "coffee",
        name: "Khawlani coffee",
        arabic: "بن خولاني",
        note: "Jazan highlands, light roast with cardamom, 250 g",
        store: Store::Saudi,
        price_minor: 7_825,
        art: include_str!("../../templates/shop/art/coffee.svg"),
    },
    Product {
        sku: "oud",
        name: "Taif oud oil",
        arabic: "دهن عود",
        note: "Aged oud with a breath of Taif rose, 6 ml",
        store: Store::Saudi,
        price_minor: 14_950,
        art: include_str!("../../templates/shop/art/oud.svg"),
    },
    Product {
        sku: "honey",
        name: "Sidr honey",
        arabic: "عسل سدر",
        note: "Asir mountains, raw, 500 g",
        store: Store::Saudi,
        price_minor: 18_575,
        art: include_str!("../../templates/shop/art/honey.svg"),
    },
    Product {
        sku: "dallah",
        name: "Brass dallah",
        arabic: "دلة نحاس",
        note: "Hand-hammered coffee pot from Al-Ahsa, 1 l",
        store: Store::Saudi,
        price_minor: 34_900,
        art: include_str!("../../templates/shop/art/dallah.svg"),
    },
    Product {
        sku: "sukkari",
        name: "Sukkari dates",
        arabic: "تمر سكري",
        note: "Qassim, golden and crisp, gift box of 1 kg",
        store: Store::Saudi,
        price_minor: 6_450,
        art: include_str!("../../templates/shop/art/sukkari.svg"),
    },
    Product {
        sku: "mabkhara",
        name: "Teak mabkhara",
        arabic: "مبخرة",
        note: "Incense burner, carved by hand in Kuwait City",
        store: Store::Kuwait,
        price_minor: 18_375,
        art: include_str!("../../templates/shop/art/mabkhara.svg"),
    },
];
